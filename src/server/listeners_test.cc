// Ways in besides the clients' Unix socket: a thousand connections that are silent, or stop in the
// middle, keep nobody out, and are closed when their time is over; so is who takes no answer.
#include "server/listeners.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <filesystem>
#include <thread>

#include "base/fd.h"
#include "server/control.h"
#include "server/control_socket.h"
#include "server/relay.h"
#include "server/test_core.h"

namespace belay {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSilent = 1000;
constexpr uint64_t kGreeting = 100, kStalled = 300;
const std::string kToken = "sixteen-characters-at-least";

Fd connect_tcp(uint16_t port, int receive_bytes = 0) {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (receive_bytes != 0)
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  sockaddr_in name{.sin_family = AF_INET, .sin_port = htons(port)};
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  return fd;
}

// A peer, whose bytes come and go while the server runs.
struct Caller {
  Fd fd;
  std::string heard;
  bool ended = false;

  void say(std::string_view text) const {
    EXPECT_EQ(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), ssize_t(text.size()));
  }
  void hear() {
    char bytes[65536];
    ssize_t got;
    while ((got = recv(fd.get(), bytes, sizeof bytes, 0)) > 0) heard.append(bytes, size_t(got));
    ended |= got == 0 || errno != EAGAIN;
  }
};

class ListenersTest : public testing::Test {
 protected:
  ListenersTest() {
    rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  ~ListenersTest() override { fs::remove_all(folder); }

  template <class Condition>
  void run_until(Condition condition) {
    while (!condition()) {
      io.restart();
      io.run_for(std::chrono::milliseconds(1));
    }
  }
  // Every third says nothing, half of something or some of it.
  std::vector<Caller> call(std::function<Fd()> connect, std::string_view half) {
    std::vector<Caller> callers;
    for (size_t i = 0; i < kSilent; i++) {
      callers.push_back({connect()});
      if (i % 3 != 0) callers.back().say(half.substr(0, half.size() / (i % 3)));
    }
    io.restart();
    io.poll();
    return callers;
  }
  std::string ask(Caller& caller, std::string_view text, std::string_view end) {
    caller.say(text);
    run_until([&] {
      caller.hear();
      return caller.ended || caller.heard.find(end) != std::string::npos;
    });
    return caller.heard;
  }
  static size_t count_ended(std::vector<Caller>& callers) {
    size_t ended = 0;
    for (Caller& caller : callers) {
      caller.hear();
      ended += caller.ended;
    }
    return ended;
  }
  // Closed when `limit_ms` are over, and not before.
  template <class Tick>
  void expect_patience(std::vector<Caller>& callers, uint64_t limit_ms, Tick tick) {
    tick(core.now_ms);
    tick(core.now_ms + limit_ms);
    io.restart();
    io.poll();
    EXPECT_LE(count_ended(callers), kSilent - kUnheardMax + 1);
    tick(core.now_ms + limit_ms + 1);
    run_until([&] { return count_ended(callers) == callers.size(); });
  }
  std::shared_ptr<Listener> page() { return serve_http(io, core, 0, kToken, folder).value(); }
  static std::string request(uint16_t port, const std::string& path, const std::string& more = "") {
    return fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: belay_token={}\r\n{}\r\n",
                       path, port, kToken, more);
  }
  // More than the sockets' buffers hold.
  void give_large_state() {
    Client& client = core.catalog().clients()["large"];
    client.name = "large";
    for (int i = 0; i < 100'000; i++)
      client.snapshots.push_back({.id = fmt::format("snapshot-number-{}", i)});
  }
  void expect_slow_reader_closed(const std::string& path, const std::string& more) {
    give_large_state();
    auto http = page();
    Caller slow{connect_tcp(http->port(), 4096)};
    slow.say(request(http->port(), path, more));
    char byte;
    run_until([&] { return recv(slow.fd.get(), &byte, 1, MSG_PEEK) == 1; });
    http->tick(core.now_ms);
    http->tick(core.now_ms + kStalled + 1);
    run_until([&] {
      slow.hear();
      return slow.ended;
    });
    EXPECT_LT(slow.heard.size(), state_json(core).size());
  }

  std::string folder = make_test_folder();
  boost::asio::io_context io;
  TestCore core{StateFolder::open(real_os(), folder).value(),
                {.greeting_ms = kGreeting, .stalled_ms = kStalled}};
};

TEST_F(ListenersTest, HalfATlsHandshake) {
  std::unique_ptr<Wire> client;
  auto tls = listen_tls(io, "127.0.0.1:0", kToken, kGreeting, [&](auto wire) {
               client = std::move(wire);
             }).value();
  const std::string half_hello = "\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03";
  auto callers = call([&] { return connect_tcp(tls->port()); }, half_hello);
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Fd program(ends[0]), socket(ends[1]);
  std::thread relay([&] {
    EXPECT_TRUE(run_relay({.host = "127.0.0.1",
                           .port = std::to_string(tls->port()),
                           .token = kToken,
                           .socket = socket.get()}));
  });
  run_until([&] { return client != nullptr; });
  EXPECT_LT(count_ended(callers), kSilent) << "who knows the token need not wait for the others";
  expect_patience(callers, kGreeting, [&](uint64_t now_ms) { tls->tick(now_ms); });
  pollfd relayed{program.get(), POLLIN, 0};
  EXPECT_EQ(poll(&relayed, 1, 0), 0) << "the client is not one of those who are late";
  client->close();
  client.reset();
  relay.join();
}

TEST_F(ListenersTest, HalfARequest) {
  auto http = page();
  const std::string whole = request(http->port(), "/api/state");
  auto callers = call([&] { return connect_tcp(http->port()); }, whole.substr(0, 60));
  Caller reader{connect_tcp(http->port())};
  EXPECT_TRUE(ask(reader, whole, "\"clients\":[]}").starts_with("HTTP/1.1 200"));
  expect_patience(callers, kStalled, [&](uint64_t now_ms) { http->tick(now_ms); });
}

TEST_F(ListenersTest, ASlowReaderOfThePage) { expect_slow_reader_closed("/api/state", ""); }

TEST_F(ListenersTest, ASlowReaderOfTheWebSocket) {
  expect_slow_reader_closed("/api/live",
                            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                            "Sec-WebSocket-Version: 13\r\n");
}

// One that takes its updates stays as long as it likes.
TEST_F(ListenersTest, AReaderOfTheWebSocketMayBeSilent) {
  auto http = page();
  Caller reader{connect_tcp(http->port())};
  ask(reader,
      request(http->port(), "/api/live",
              "Upgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"),
      "\"clients\":[]}");
  for (uint64_t day = 1; day < 4; day++) {
    http->tick(core.now_ms + day * 86'400'000);
    const std::string name = fmt::format("client-{}", day);
    core.catalog().clients()[name].name = name;
    run_until([&] {
      reader.hear();
      return reader.ended || reader.heard.find(name) != std::string::npos;
    });
    ASSERT_FALSE(reader.ended);
  }
}

TEST_F(ListenersTest, HalfACommand) {
  auto waiting = std::make_shared<WaitingList>(kUnheardMax, kStalled);
  auto connect = [&] {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    boost::asio::local::stream_protocol::socket socket(io, {}, ends[1]);
    serve_command(std::move(socket), core, waiting);
    return Fd(ends[0]);
  };
  auto callers = call(connect, "{\"do\":\"state\"}");
  Caller user{connect()};
  EXPECT_TRUE(ask(user, "{\"do\":\"state\"}\n", "\n").starts_with("{\"ok\":true"));
  expect_patience(callers, kStalled, [&](uint64_t now_ms) { waiting->tick(now_ms); });
}

}  // namespace
}  // namespace belay
