#include "server/qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>

namespace belay {
namespace {

// An unknown peer's bytes, for a message: one line, short, printable.
std::string shown(std::string_view text) {
  std::string line(text.substr(0, 60));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text.size() > 60 ? line + "..." : line;
}

bool is_job(const Qmp::Json& object, const std::string& id, const char* status) {
  return text_of(object, "id") == id && text_of(object, "status") == status;
}

}  // namespace

const Qmp::Json& member_of(const Qmp::Json& object, const char* name) {
  static const Qmp::Json none;
  auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() ? *found : none;
}

std::string text_of(const Qmp::Json& object, const char* name) {
  const Qmp::Json& value = member_of(object, name);
  return value.is_string() ? value.get<std::string>() : "";
}

Result<Fd> connect_unix(const std::string& path) {
  sockaddr_un address = {.sun_family = AF_UNIX};
  if (path.size() >= sizeof address.sun_path)
    return fail(ENAMETOOLONG, "{}: longer than a socket's path may be ({} bytes)", path,
                sizeof address.sun_path - 1);
  path.copy(address.sun_path, path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return fail(errno, "{}: {}", path, errno_text(errno));
  return socket;
}

Result<Qmp> Qmp::open(Fd socket, Clock::duration limit) {
  const auto end = Clock::now() + limit;
  fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  Qmp qmp(std::move(socket));
  BELAY_ASSIGN(Json greeting, qmp.read_message(end));
  if (!greeting.contains("QMP"))
    return fail(EPROTO, "what should be QEMU greets with '{}'", shown(greeting.dump()));
  BELAY_TRY(qmp.execute_until("qmp_capabilities", Json::object(), end));
  return qmp;
}

Result<Qmp::Json> Qmp::execute(const std::string& command, Json arguments, Clock::duration limit) {
  return execute_until(command, std::move(arguments), Clock::now() + limit);
}

Result<Qmp::Json> Qmp::execute_until(const std::string& command, Json arguments,
                                     Clock::time_point end) {
  Json message = {{"execute", command}, {"id", ++last_id_}};
  if (!arguments.empty()) message["arguments"] = std::move(arguments);
  BELAY_TRY(send(message.dump() + "\n", end));
  for (;;) {
    auto answer = read_message(end);
    if (!answer && answer.error().code == ETIMEDOUT)
      return fail(ETIMEDOUT, "QEMU has not answered {} in time", command);
    if (!answer) return answer;
    if (answer->contains("event")) {
      events_.push_back(std::move(*answer));
      if (events_.size() > kEventsMax) events_.pop_front();
      continue;
    }
    // QEMU can't tell whose fault a line was that it could not read; only ours is under way.
    if (answer->contains("error") && !answer->contains("id"))
      return broken(fail(EPROTO, "QEMU does not understand Belay: {}",
                         shown(text_of((*answer)["error"], "desc"))));
    if (member_of(*answer, "id") != last_id_) continue;  // of a command given up on
    if (answer->contains("return")) return std::move((*answer)["return"]);
    return fail(EREMOTEIO, "QEMU refuses {}: {}", command,
                text_of(member_of(*answer, "error"), "desc"));
  }
}

Status Qmp::run_job(const std::string& command, Json arguments, Clock::duration limit) {
  const auto end = Clock::now() + limit;
  const std::string id = fmt::format("belay-{}", last_id_);
  arguments["job-id"] = id;
  BELAY_TRY(execute_until(command, std::move(arguments), end));
  for (;;) {
    auto event = next_event_until(end);
    if (!event && event.error().code == ETIMEDOUT)
      return fail(ETIMEDOUT, "QEMU has not finished {} in time", command);
    BELAY_TRY(event);
    if (is_job(member_of(*event, "data"), id, "concluded")) break;
  }
  BELAY_ASSIGN(Json jobs, execute_until("query-jobs", Json::object(), end));
  std::string error = "it has lost the job";
  for (const Json& job : jobs)
    if (text_of(job, "id") == id) error = text_of(job, "error");
  BELAY_TRY(execute_until("job-dismiss", {{"id", id}}, end));
  if (!error.empty()) return fail(EREMOTEIO, "{} failed in QEMU: {}", command, error);
  return {};
}

Result<Qmp::Json> Qmp::next_event(Clock::duration limit) {
  return next_event_until(Clock::now() + limit);
}

Result<Qmp::Json> Qmp::next_event_until(Clock::time_point end) {
  while (events_.empty()) {
    BELAY_ASSIGN(Json message, read_message(end));
    if (message.contains("event")) return message;
  }
  Json event = std::move(events_.front());
  events_.pop_front();
  return event;
}

// The next line, which is to be an object.
Result<Qmp::Json> Qmp::read_message(Clock::time_point end) {
  BELAY_TRY(state_);
  for (size_t searched = 0;;) {
    size_t newline = buffer_.find('\n', searched);
    if (newline != std::string::npos) {
      Json message = Json::parse(buffer_.begin(), buffer_.begin() + long(newline), nullptr, false);
      if (!message.is_object())
        return broken(fail(EPROTO, "QEMU's monitor sends no object: '{}'",
                           shown(buffer_.substr(0, newline))));
      buffer_.erase(0, newline + 1);
      return message;
    }
    searched = buffer_.size();
    if (searched > kMessageBytesMax)
      return broken(
          fail(EMSGSIZE, "QEMU's monitor sends a line of more than {} bytes", kMessageBytesMax));
    BELAY_TRY(read_more(end));
  }
}

Status Qmp::read_more(Clock::time_point end) {
  char bytes[4096];
  for (;;) {
    ssize_t got = read(socket_.get(), bytes, sizeof bytes);
    if (got > 0) {
      buffer_.append(bytes, size_t(got));
      return {};
    }
    if (got == 0 || errno == ECONNRESET) return broken(fail(ECONNRESET, "QEMU has ended"));
    if (errno == EAGAIN)
      BELAY_TRY(wait_for(POLLIN, end));
    else if (errno != EINTR)
      return broken(fail(errno, "QEMU's monitor cannot be read: {}", errno_text(errno)));
  }
}

Status Qmp::send(const std::string& line, Clock::time_point end) {
  BELAY_TRY(state_);
  for (size_t sent = 0; sent < line.size();) {
    ssize_t put = ::send(socket_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (put > 0) {
      sent += size_t(put);
    } else if (errno == EAGAIN) {
      // Half a command can't be taken back.
      if (auto ready = wait_for(POLLOUT, end); !ready)
        return broken(tl::make_unexpected(ready.error()));
    } else if (errno != EINTR) {
      return broken(errno == EPIPE || errno == ECONNRESET
                        ? fail(ECONNRESET, "QEMU has ended")
                        : fail(errno, "QEMU's monitor cannot be written: {}", errno_text(errno)));
    }
  }
  return {};
}

Status Qmp::wait_for(short poll_events, Clock::time_point end) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  pollfd waits = {socket_.get(), poll_events, 0};
  int ready = poll(&waits, 1, int(std::clamp<long>(left, 0, INT32_MAX)));
  if (ready == 0) return fail(ETIMEDOUT, "QEMU has said nothing in time");
  return {};
}

tl::unexpected<Error> Qmp::broken(tl::unexpected<Error> why) {
  state_ = why;
  return why;
}

}  // namespace belay
