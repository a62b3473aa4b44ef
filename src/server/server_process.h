// Test only: a server in a process of its own, which can be made to die or to fail at any of its
// changes of the disk, and what speaks to it.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/check.h"
#include "base/fd.h"
#include "server/protocol.h"
#include "server/server.h"
#include "server/striking_os.h"

namespace belay {

inline sockaddr_un socket_name(const std::string& path) {
  sockaddr_un name{.sun_family = AF_UNIX};
  BELAY_CHECK(path.size() < sizeof name.sun_path);
  memcpy(name.sun_path, path.c_str(), path.size() + 1);
  return name;
}

inline Fd connect_to(const std::string& path) {
  sockaddr_un name = socket_name(path);
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  bool connected = connect(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
  return connected ? std::move(fd) : Fd();
}

struct Heard {
  FrameType type;
  uint16_t flags;
  std::string name, body;
};

// A client's end of a connection. Nothing comes from one that is lost.
class Peer {
 public:
  explicit Peer(Fd fd) : fd_(std::move(fd)) {}

  bool send(std::string_view bytes) {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == ssize_t(bytes.size());
  }
  std::optional<Heard> hear() {
    FrameHeader header;
    if (!receive(&header, sizeof header) || !check_header(header, kFileBytesMaxDefault)) return {};
    Heard heard{FrameType(header.type), header.flags, std::string(header.name_bytes, 0),
                std::string(header.body_bytes, 0)};
    if (!receive(heard.name.data(), heard.name.size())) return {};
    if (!receive(heard.body.data(), heard.body.size())) return {};
    return heard;
  }
  std::optional<Heard> ask(FrameType type, std::string_view name = "", std::string_view body = "",
                           uint16_t flags = 0) {
    if (!send(encode_frame(type, flags, name, body))) return {};
    return hear();
  }
  std::string line() {
    std::string text;
    for (char c; receive(&c, 1) && c != '\n';) text += c;
    return text;
  }
  void hang_up() { fd_.reset(); }

 private:
  bool receive(void* to, size_t bytes) {
    return bytes == 0 || recv(fd_.get(), to, bytes, MSG_WAITALL) == ssize_t(bytes);
  }
  Fd fd_;
};

class ServerProcess {
 public:
  explicit ServerProcess(const std::string& folder) : folder_(folder) {
    std::filesystem::create_directories(folder_ + "/undo");
    void* page =
        mmap(nullptr, sizeof *changes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    BELAY_CHECK(page != MAP_FAILED);
    changes_ = new (page) std::atomic<uint64_t>(0);
  }
  ~ServerProcess() {
    kill();
    munmap(changes_, sizeof *changes_);
  }

  // False: it died before it listened. `more` is called in its process.
  bool start(StrikingOs::Strike strike = StrikingOs::Strike::kKill,
             uint64_t number = StrikingOs::kNever,
             const std::function<void(ServerOptions&, StrikingOs&)>& more = nullptr) {
    int ends[2];
    *changes_ = 0;
    BELAY_CHECK(pipe2(ends, O_CLOEXEC) == 0);
    pid_ = fork();
    if (pid_ == 0) serve(ends[1], strike, number, more);
    close(ends[1]);
    char word;
    bool listens = read(ends[0], &word, 1) == 1;
    close(ends[0]);
    if (!listens) kill();
    return listens;
  }
  // Returns once it is gone, by whatever has ended it.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, 0), nullptr, 0);
  }
  pid_t pid() const { return pid_; }
  // That the last server that was started has come to.
  uint64_t changes() const { return *changes_; }
  std::string state() const { return folder_ + "/state"; }

  Peer connect() const { return Peer(connect_to(state() + "/socket")); }
  // A command of `belay ctl`. Null: it was not answered.
  nlohmann::json control(const std::string& what, const std::string& client = "",
                         const std::string& snapshot = "") const {
    auto request =
        nlohmann::json::object({{"do", what}, {"client", client}, {"snapshot", snapshot}});
    Peer peer(connect_to(state() + "/control"));
    if (!peer.send(request.dump() + "\n")) return {};
    return nlohmann::json::parse(peer.line(), nullptr, false);
  }

 private:
  [[noreturn]] void serve(int ready, StrikingOs::Strike strike, uint64_t number,
                          const std::function<void(ServerOptions&, StrikingOs&)>& more) {
    StrikingOs os(strike, number, folder_ + "/undo", *changes_);
    ServerOptions options;
    options.folder = state();
    options.socket = state() + "/socket";
    options.control = state() + "/control";
    options.limits.snapshots_max = 2;
    options.os = &os;
    if (more) more(options, os);
    auto server = Server::start(std::move(options));
    if (!server || write(ready, "", 1) != 1) _exit(1);
    (*server)->run();
    _exit(0);
  }

  std::string folder_;
  pid_t pid_ = 0;
  std::atomic<uint64_t>* changes_;  // shared with the server
};

}  // namespace belay
