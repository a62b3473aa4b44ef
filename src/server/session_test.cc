// A session without sockets: what it answers and asks for in every state, to every message.
#include "server/session.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace belay {
namespace {

using State = Session::State;

// Notes what the session wants, as words.
class NotingHost final : public SessionHost {
 public:
  std::vector<std::string> said;
  bool on_server = false;
  Status disk;

  void send(FrameType type, uint16_t flags, std::string_view name, std::string_view body) override {
    said.push_back(fmt::format("{}{}{}{}", name_of(type),
                               flags != 0 ? fmt::format(":{}", flags) : "",
                               name.empty() ? "" : " " + std::string(name),
                               type == FrameType::kNo && !body.empty() ? " why" : ""));
    text = body;
  }
  Status send_file(const Client&, std::string_view name) override {
    if (name != "here.model") return fail(ENOENT, "no file");
    said.push_back("file");
    return {};
  }
  Status begin_file(const Client&, std::string_view name, uint64_t) override {
    said.push_back("begin " + std::string(name));
    return {};
  }
  Status file_data(std::span<const std::byte>) override { return disk; }
  void commit_file() override { said.push_back("store"); }
  void abandon_file() override { said.push_back("abandon"); }
  Result<bool> takes_snapshots(std::string_view driver) override {
    if (driver == "floppy") return fail(ENOTSUP, "no such driver");
    return on_server;
  }
  void take(const std::string&) override { said.push_back("take"); }
  void restore(const std::string&) override { said.push_back("restore"); }
  void commit(Client& client) override {
    said.push_back("commit");
    client.saved_change = client.change;
  }
  void save(Client& client) override { client.saved_change = client.change; }
  uint64_t now_unix_ms() override { return 1000; }

  std::string text;  // the body of what was sent last
};

class SessionTest : public testing::Test {
 protected:
  // What the session says and does because of one frame, in order.
  std::string hear(FrameType type, std::string_view name = "", std::string_view body = "",
                   uint16_t flags = 0) {
    host.said.clear();
    std::string bytes = encode_frame(type, flags, name, body);
    status = parser.feed(std::as_bytes(std::span(bytes)), session);
    return said();
  }
  std::string said() const {
    std::string all;
    for (const std::string& word : host.said) all += (all.empty() ? "" : ", ") + word;
    return all;
  }
  template <class Event>
  std::string after(Event event) {
    host.said.clear();
    event();
    return said();
  }
  void greet() {
    hear(FrameType::kSet, ":client", "name=mario\ndriver=savepoint\ninstance=a1\n");
    session.on_committed({});
  }
  // A snapshot that the client has taken by itself.
  std::string take_one() {
    EXPECT_NE(hear(FrameType::kCkp, "", "", kFlagOwnRequest).find("YES:2"), std::string::npos);
    std::string id = session.client()->pending;
    EXPECT_EQ(hear(FrameType::kSet, ":snapshot", "id=" + id + "\nbytes=4096\n"), "commit");
    session.on_committed({});
    return id;
  }
  // Into any state, by messages and events alone.
  void bring_to(State state) {
    host.on_server = state == State::kTaking || state == State::kRestoring;
    if (state == State::kGreeting) return;
    greet();
    if (state == State::kStoring) hear(FrameType::kSet, "x.model", "data");
    if (state == State::kCommitting) {
      hear(FrameType::kCkp, "", "", kFlagOwnRequest);
      hear(FrameType::kSet, ":snapshot", "id=" + session.client()->pending + "\n");
    }
    if (state == State::kTaking || state == State::kRestoring)
      hear(FrameType::kCkp, "", "", kFlagOwnRequest);
    if (state == State::kRestoring) {
      session.on_taken({});
      session.on_committed({});
      hear(FrameType::kRes);
    }
    if (state == State::kClosed) session.on_disconnect();
    if (state == State::kReceiving) {
      std::string start = encode_frame_start(FrameType::kSet, 0, "half.model", 100);
      ASSERT_TRUE(parser.feed(std::as_bytes(std::span(start)), session).has_value());
    }
  }

  Catalog catalog{ServerLimits{.snapshots_max = 3}, "t"};
  NotingHost host;
  Session session{catalog, host};
  FrameParser parser{uint64_t{1} << 30};
  Status status;
};

// Goal: of the seed's checkpoint flow, each line: NO at once while nobody has asked, YES when the
// user has asked and the program gets there, and only once.
TEST_F(SessionTest, CheckpointWantsTheUserAndTheProgram) {
  greet();
  EXPECT_EQ(hear(FrameType::kCkp), "NO:32");
  session.client()->asked = true;
  EXPECT_EQ(after([&] { session.on_asked(); }), "CKP");
  EXPECT_EQ(after([&] { session.on_asked(); }), "") << "called once";
  EXPECT_TRUE(session.client()->snapshots.empty());
  EXPECT_EQ(hear(FrameType::kCkp), "YES:2 st-1");
  EXPECT_EQ(hear(FrameType::kSet, ":snapshot", "id=st-1\nbytes=8192\ntake_ns=5\n"), "commit");
  EXPECT_EQ(after([&] { session.on_committed({}); }), "YES st-1");
  EXPECT_EQ(session.client()->snapshots.at(0).bytes, 8192u);
  EXPECT_EQ(hear(FrameType::kCkp), "NO:32");
}

// Goal: a snapshot that a driver takes: the client's answer comes when it is taken and written.
TEST_F(SessionTest, DriverTakesAndRestores) {
  host.on_server = true;
  greet();
  session.client()->asked = true;
  EXPECT_EQ(hear(FrameType::kCkp), "take");
  EXPECT_EQ(after([&] { session.on_taken({}); }), "commit");
  EXPECT_EQ(after([&] { session.on_committed({}); }), "YES:4 st-1");
  EXPECT_EQ(hear(FrameType::kRes), "restore");
  EXPECT_EQ(after([&] { session.on_restored({}); }), "YES:16 st-1");
  EXPECT_EQ(hear(FrameType::kRes), "restore");
  EXPECT_EQ(after([&] { session.on_restored(fail(EIO, "loadvm failed")); }), "NO why");
  EXPECT_EQ(session.client()->restores, 1u);
}

// Goal: what fails is answered with NO and a reason, is not listed, and the client may go on.
TEST_F(SessionTest, FailuresAreAnswered) {
  greet();
  EXPECT_EQ(hear(FrameType::kRes), "NO why") << "nothing taken";
  EXPECT_EQ(hear(FrameType::kGet, "none.model"), "NO why");
  host.disk = fail(ENOSPC, "full");
  EXPECT_EQ(hear(FrameType::kSet, "x.model", "data"), "begin x.model, abandon, NO why");
  host.disk = {};
  hear(FrameType::kSet, "x.model", "data");
  EXPECT_EQ(after([&] { session.on_stored(fail(EIO, "sync")); }), "NO why");
  hear(FrameType::kCkp, "", "", kFlagOwnRequest);
  hear(FrameType::kSet, ":snapshot", "id=" + session.client()->pending + "\n");
  EXPECT_EQ(after([&] { session.on_committed(fail(ENOSPC, "full")); }), "NO why");
  EXPECT_TRUE(session.client()->snapshots.empty()) << "what is not confirmed is not there";
  EXPECT_EQ(hear(FrameType::kCkp, "", "", kFlagOwnRequest).substr(0, 3), "YES");
  EXPECT_EQ(hear(FrameType::kSet, ":snapshot", "id=" + session.client()->pending + "\nfailed=1\n"),
            "YES");
  EXPECT_TRUE(session.client()->snapshots.empty());
  EXPECT_EQ(session.state(), State::kReady);
}

// Goal: every message in every state is answered by what docs/server_protocol.md says, and what is
// out of order ends the connection with a reason.
TEST_F(SessionTest, EveryMessageInEveryState) {
  const std::string kHello = "name=luigi\ndriver=savepoint\ninstance=b2\n";
  for (State state : {State::kGreeting, State::kReady, State::kReceiving, State::kStoring,
                      State::kTaking, State::kRestoring, State::kCommitting, State::kClosed}) {
    for (auto type : {FrameType::kCkp, FrameType::kRes, FrameType::kYes, FrameType::kNo,
                      FrameType::kGet, FrameType::kSet}) {
      for (std::string name : {"", "here.model", ":client", ":snapshot", ":metrics", ":what"}) {
        Catalog catalog(ServerLimits{}, "t");
        SessionTest_EveryMessageInEveryState_Test fresh;
        fresh.bring_to(state);
        std::string heard = fresh.hear(type, name, name == ":client" ? kHello : "");
        std::string where =
            fmt::format("state {}, {} {}: {}", int(state), name_of(type), name, heard);
        bool greets = type == FrameType::kSet && name == ":client";
        if (state == State::kReceiving) {
          EXPECT_EQ(heard, "") << where << ": it is part of the file";
          continue;
        }
        bool allowed = state == State::kGreeting
                           ? greets
                           : state == State::kReady && !greets && type != FrameType::kYes &&
                                 type != FrameType::kNo;
        EXPECT_EQ(fresh.status.has_value(), allowed) << where;
        EXPECT_NE(heard, "") << where << ": everything is answered";
        if (!allowed) {
          EXPECT_TRUE(heard.ends_with("NO why")) << where;
          EXPECT_EQ(fresh.session.state(), State::kClosed) << where;
        }
      }
    }
  }
}

// Goal: a client that is gone in any state leaves nothing behind that is half, and its name free.
TEST_F(SessionTest, GoneInEveryState) {
  for (State state : {State::kReady, State::kReceiving, State::kStoring, State::kTaking,
                      State::kRestoring, State::kCommitting}) {
    SessionTest_GoneInEveryState_Test fresh;
    fresh.bring_to(state);
    fresh.session.on_disconnect();
    EXPECT_FALSE(fresh.catalog.find("mario")->connected);
    fresh.session.on_taken({});
    fresh.session.on_restored({});
    fresh.session.on_stored({});
    fresh.session.on_committed({});
    EXPECT_EQ(fresh.session.state(), State::kClosed);
    EXPECT_TRUE(fresh.catalog.join("mario", "savepoint", "c3").has_value());
  }
}

// Goal: of two programs with one name the second is refused; the same program again takes over.
TEST_F(SessionTest, OneNameOneProgram) {
  greet();
  take_one();
  NotingHost other;
  Session second(catalog, other);
  auto knock = [&](Session& at, std::string_view instance) {
    std::string bytes =
        encode_frame(FrameType::kSet, 0, ":client",
                     fmt::format("name=mario\ndriver=savepoint\ninstance={}\n", instance));
    return FrameParser(1024).feed(std::as_bytes(std::span(bytes)), at).has_value();
  };
  EXPECT_FALSE(knock(second, "b2"));
  Session third(catalog, other);
  EXPECT_TRUE(knock(third, "a1"));
  EXPECT_EQ(catalog.find("mario")->snapshots.size(), 1u);
  EXPECT_EQ(hear(FrameType::kCkp), "NO why") << "the old connection has nothing to say any more";
  EXPECT_TRUE(catalog.find("mario")->connected);
  third.on_disconnect();
  Session fourth(catalog, other);
  EXPECT_TRUE(knock(fourth, "b2"));
  EXPECT_TRUE(catalog.find("mario")->snapshots.empty()) << "they died with their process";
}

// Goal: limits: the oldest that is not pinned makes room, the client is told, children get the
// parent of what is gone.
TEST_F(SessionTest, LimitsPinsAndParents) {
  greet();
  std::string first = take_one(), second = take_one(), third = take_one();
  Client& mario = *session.client();
  EXPECT_EQ(mario.find(third)->parent, second);
  ASSERT_TRUE(catalog.pin("mario", first, true).has_value());
  EXPECT_EQ(catalog.remove("mario", first).error().code, EBUSY);
  std::string fourth = take_one();
  hear(FrameType::kCkp);
  EXPECT_EQ(host.text, "drop=" + second + "\n");
  EXPECT_EQ(mario.find(third)->parent, first);
  ASSERT_TRUE(catalog.select("mario", first).has_value());
  EXPECT_EQ(hear(FrameType::kRes), "YES:8 " + first);
  for (std::string id : {first, third, fourth})
    ASSERT_TRUE(catalog.pin("mario", id, true).has_value());
  EXPECT_EQ(hear(FrameType::kCkp, "", "", kFlagOwnRequest), "NO why");
}

// Goal: names that are paths, hidden, empty or too long reach no file.
TEST_F(SessionTest, NamesAreNoPaths) {
  greet();
  for (std::string name : {"../x", "a/b", "/etc/passwd", ".hidden", "", "a\nb", "..", "x\\y"}) {
    EXPECT_EQ(hear(FrameType::kSet, name, "data"), "NO why") << name;
    EXPECT_EQ(hear(FrameType::kGet, name), "NO why") << name;
  }
  EXPECT_FALSE(catalog.join("../x", "savepoint", "a1").has_value());
}

struct Counted final : FrameSink {
  size_t frames = 0, bytes = 0;
  Status begin(const Frame& frame) override {
    bytes += frame.name.size();
    return {};
  }
  Status body(std::span<const std::byte> data) override {
    bytes += data.size();
    return {};
  }
  Status end() override {
    frames++;
    return {};
  }
};

// Goal: frames come out the same however the stream is cut, and damage of a header is noticed.
TEST(Protocol, AnyCutGivesTheSameFrames) {
  const char* seed = getenv("BELAY_SEED");
  std::mt19937_64 random(seed ? strtoull(seed, nullptr, 10) : 1);
  std::string stream;
  size_t bytes = 0;
  for (int i = 0; i < 50; i++) {
    std::string name(random() % 64, 'n'), body(random() % 300, 'b');
    stream += encode_frame(FrameType::kSet, 0, name, body);
    bytes += name.size() + body.size();
  }
  for (int round = 0; round < 50; round++) {
    Counted sink;
    FrameParser parser(4096);
    for (size_t at = 0; at < stream.size();) {
      size_t piece = std::min<size_t>(1 + random() % 100, stream.size() - at);
      ASSERT_TRUE(parser.feed(std::as_bytes(std::span(stream)).subspan(at, piece), sink));
      at += piece;
    }
    EXPECT_EQ(sink.frames, 50u);
    EXPECT_EQ(sink.bytes, bytes);
    EXPECT_FALSE(parser.inside());
  }
  for (size_t bit = 0; bit < sizeof(FrameHeader) * 8; bit++) {
    std::string damaged = encode_frame(FrameType::kGet, 0, "name", "");
    damaged[bit / 8] = char(damaged[bit / 8] ^ 1 << bit % 8);
    Counted sink;
    EXPECT_FALSE(FrameParser(4096).feed(std::as_bytes(std::span(damaged)), sink)) << bit;
  }
}

// Goal: sizes beyond the limits are refused before anything is read or reserved.
TEST(Protocol, HugeSizesAreRefused) {
  Counted sink;
  auto refused = [&](FrameType type, size_t name_bytes, uint64_t body_bytes) {
    FrameHeader header = make_header(type, 0, name_bytes, body_bytes);
    return !FrameParser(1 << 20).feed(std::as_bytes(std::span(&header, 1)), sink);
  };
  EXPECT_TRUE(refused(FrameType::kSet, 4, (1 << 20) + 1));
  EXPECT_TRUE(refused(FrameType::kSet, 4, UINT64_MAX));
  EXPECT_TRUE(refused(FrameType::kSet, 64, 1));
  EXPECT_TRUE(refused(FrameType::kSet, UINT32_MAX, 1));
  EXPECT_TRUE(refused(FrameType::kCkp, 0, kTextBytesMax + 1));
  EXPECT_FALSE(refused(FrameType::kSet, 4, 1 << 20));
}

TEST(Protocol, TextValues) {
  constexpr std::string_view kText = "name=a=b\nscore=1.5\nloss=nan\nlong";
  EXPECT_EQ(text_value(kText, "name"), "a=b");
  EXPECT_EQ(text_value(kText, "nam"), "");
  EXPECT_EQ(number_value(kText, "score"), 1.5);
  EXPECT_TRUE(std::isnan(number_value(kText, "loss")));
  EXPECT_TRUE(std::isnan(number_value(kText, "none")));
}

}  // namespace
}  // namespace belay
