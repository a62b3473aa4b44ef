// QEMU's machine protocol (QMP): commands, the events that come in between, and jobs.
// https://www.qemu.org/docs/master/interop/qmp-spec.html
//
//   BELAY_ASSIGN(Qmp qmp, Qmp::open(std::move(socket), 5s));
//   BELAY_ASSIGN(Qmp::Json status, qmp.execute("query-status", {}, 1s));
//
// For one thread at a time. Each call blocks, and never longer than it is told. After a message
// that is none, or when QEMU has hung up, every call fails with what happened then.
#pragma once

#include <chrono>
#include <deque>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace belay {

class Qmp {
 public:
  using Json = nlohmann::json;
  using Clock = std::chrono::steady_clock;

  // QEMU's longest answer here is a few hundred bytes.
  static constexpr size_t kMessageBytesMax = size_t{1} << 20;
  // Events that nobody has asked for yet; beyond, the oldest are forgotten.
  static constexpr size_t kEventsMax = 1000;

  // Reads the greeting and leaves the negotiation.
  static Result<Qmp> open(Fd socket, Clock::duration limit);

  // What the command returned. QEMU's own error is EREMOTEIO; ETIMEDOUT: it has not answered, and
  // when it does, that answer is dropped.
  Result<Json> execute(const std::string& command, Json arguments, Clock::duration limit);
  // The same for a command that starts a job: waits for its end, and is its result.
  Status run_job(const std::string& command, Json arguments, Clock::duration limit);
  // The oldest event that nobody has had yet.
  Result<Json> next_event(Clock::duration limit);
  void forget_events() { events_.clear(); }

 private:
  explicit Qmp(Fd socket) : socket_(std::move(socket)) {}
  Result<Json> execute_until(const std::string& command, Json arguments, Clock::time_point end);
  Result<Json> next_event_until(Clock::time_point end);
  Result<Json> read_message(Clock::time_point end);
  Status read_more(Clock::time_point end);
  Status send(const std::string& line, Clock::time_point end);
  Status wait_for(short poll_events, Clock::time_point end);
  tl::unexpected<Error> broken(tl::unexpected<Error> why);

  Fd socket_;
  std::string buffer_;  // what has been read of the next messages
  std::deque<Json> events_;
  uint64_t last_id_ = 0;
  Status state_;  // or what broke the connection
};

// Connects to a Unix socket. ENAMETOOLONG: of 108 bytes or more.
Result<Fd> connect_unix(const std::string& path);

// A member, or null; one that is a string, or "".
const Qmp::Json& member_of(const Qmp::Json& object, const char* name);
std::string text_of(const Qmp::Json& object, const char* name);

}  // namespace belay
