#include "server/connection.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"

namespace belay {
namespace {

// Answers that the client does not read: it asks without reading, which the protocol forbids.
constexpr size_t kOutgoingMax = 64;

// The disk begins with a file whenever so much more of it is there.
constexpr uint64_t kWriteBehindBytes = 8 << 20;

uint64_t next_number() {
  static uint64_t number = 0;
  return ++number;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

std::span<const std::byte> Connection::Outgoing::rest() const {
  return (file ? file->bytes() : bytes_of(shared ? *shared : text)).subspan(sent);
}

Connection::Connection(ServerCore& core, std::unique_ptr<Wire> wire,
                       std::shared_ptr<DriverSlot> driver, pid_t peer)
    : core_(core),
      wire_(std::move(wire)),
      driver_(std::move(driver)),
      peer_(peer),
      parser_(core.catalog().limits().file_bytes_max),
      began_ms_(core.now_unix_ms()),
      moved_ms_(began_ms_),
      session_(core.catalog(), core.hub(), *this) {}

void Connection::start() {
  if (driver_ && driver_->driver && driver_->driver->is_standing()) bring_back();
  read();
}

// Its machine has been started again. What can't be restored any more is passed over.
void Connection::bring_back() {
  const std::vector<std::string> ids = driver_->driver->list();
  const Client* client = core_.catalog().owner_of(ids);
  auto ways = client ? Catalog::ways_back(*client, ids) : std::vector<std::string>();
  auto restored = std::make_shared<std::string>();
  auto work = [slot = driver_, restored, ways = std::move(ways)]() -> Status {
    std::lock_guard turn(slot->turn);
    for (const std::string& id : ways) {
      Status status = slot->driver->restore(id);
      if (status) *restored = id;
      if (status || status.error().code == ECONNRESET) return status;
      log(LogLevel::kError, "{}", status.error().text());
    }
    return slot->driver->start_anew();
  };
  core_.run_driver(work, [self = shared_from_this(), restored, name = client ? client->name : ""](
                             const Status& status) { self->on_back(name, *restored, status); });
}

void Connection::on_back(const std::string& name, const std::string& id, const Status& status) {
  if (closed_) return;
  if (status && id.empty())
    return log(LogLevel::kError, "no snapshot of the machine could be restored: it starts anew");
  Client* client = core_.catalog().find(name);
  Status resumed = status ? session_.resume(*client, id) : status;
  if (!resumed) {
    log(LogLevel::kError, "the machine of client '{}': {}", name, resumed.error().text());
    return fail_with(resumed.error());
  }
  log(LogLevel::kNotice, "the machine of client '{}' is back at snapshot {}", name, id);
  uses_driver_ = true;
  core_.use_driver(*client, driver_,
                   [self = shared_from_this()](const Status&) { self->session_.on_restored({}); });
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  session_.on_disconnect();
  wire_->close();
  core_.changed();
}

void Connection::tick(uint64_t now_ms) {
  if (closed_) return;
  bool greeted = session_.state() != Session::State::kGreeting;
  bool moving = parser_.inside() || !outgoing_.empty();
  uint64_t still_ms = now_ms > moved_ms_ ? now_ms - moved_ms_ : 0;
  const ServerLimits& limits = core_.catalog().limits();
  // A machine's program may come to its first checkpoint whenever it likes.
  bool late = driver_ == nullptr && now_ms > began_ms_ && now_ms - began_ms_ > limits.greeting_ms;
  if (!greeted && late) fail_with(fail(ETIME, "no SET :client").value());
  if (greeted && moving && still_ms > limits.stalled_ms) return close();
  session_.on_tick();
}

void Connection::read() {
  if (closed_ || closing_ || reading_) return;
  reading_ = true;
  wire_->read([self = shared_from_this()](Result<std::span<const std::byte>> data) {
    self->reading_ = false;
    self->on_data(std::move(data));
  });
}

void Connection::on_data(Result<std::span<const std::byte>> data) {
  if (closed_) return;
  if (!data || data->empty()) return close();
  moved_ms_ = core_.now_unix_ms();
  Status fed = parser_.feed(*data, session_);
  if (!fed) return fail_with(fed.error());
  // A client that does not take its answers is not listened to.
  if (outgoing_.empty()) read();
}

// The session has answered what it refused; of what the parser refuses it knows nothing.
void Connection::fail_with(const Error& error) {
  if (session_.state() != Session::State::kClosed) send(FrameType::kNo, 0, "", error.text());
  session_.on_disconnect();
  closing_ = true;
  flush();
}

void Connection::send(FrameType type, uint16_t flags, std::string_view name,
                      std::string_view body) {
  if (closed_) return;
  outgoing_.push_back({encode_frame(type, flags, name, body)});
  flush();
}

void Connection::send_shared(FrameType type, std::string_view name, Hub::Body body) {
  if (closed_) return;
  outgoing_.push_back({encode_frame_start(type, 0, name, body->size())});
  if (!body->empty()) outgoing_.push_back({.shared = std::move(body)});
  flush();
}

Status Connection::send_file(const Client& client, std::string_view name) {
  auto file = FileView::open(fmt::format("{}/{}", core_.folder().files_of(client.name), name));
  if (!file) {
    if (file.error().code == ENOENT) return fail(ENOENT, "no file '{}'", name);
    return tl::make_unexpected(file.error());
  }
  outgoing_.push_back({encode_frame_start(FrameType::kSet, 0, name, (*file)->bytes().size())});
  outgoing_.push_back({.file = *file});
  flush();
  return {};
}

void Connection::flush() {
  while (!outgoing_.empty() && !waits_to_write_ && !closed_) {
    Outgoing& next = outgoing_.front();
    auto rest = next.rest();
    auto written = rest.empty() ? Result<size_t>(0) : wire_->write_some(rest);
    if (!written) return close();
    next.sent += *written;
    if (*written != 0) moved_ms_ = core_.now_unix_ms();
    if (*written == rest.size()) {
      outgoing_.pop_front();
    } else if (*written == 0 || next.file == nullptr) {
      waits_to_write_ = true;
      wire_->when_writable([self = shared_from_this()](Status ready) {
        self->waits_to_write_ = false;
        if (!ready) return self->close();
        self->flush();
        if (self->outgoing_.empty()) self->read();
      });
    }
  }
  if (outgoing_.size() > kOutgoingMax || (closing_ && outgoing_.empty())) close();
}

Status Connection::begin_file(const Client& client, std::string_view name, uint64_t) {
  StateFolder& folder = core_.folder();
  if (folder.count_files(client.name) >= core_.catalog().limits().files_max &&
      access(fmt::format("{}/{}", folder.files_of(client.name), name).c_str(), F_OK) != 0)
    return fail(EDQUOT, "{} files are all that a client may have",
                core_.catalog().limits().files_max);
  incoming_ = std::make_shared<IncomingFile>();
  return incoming_->open(folder.os(), folder.files_of(client.name), name, next_number());
}

Status Connection::file_data(std::span<const std::byte> data) {
  const uint64_t before = incoming_->bytes();
  BELAY_TRY(incoming_->append(data));
  const bool due = before / kWriteBehindBytes != incoming_->bytes() / kWriteBehindBytes;
  if (!due || std::exchange(writing_behind_, true)) return {};
  auto write = [file = incoming_]() -> Status {
    file->write_behind();
    return {};
  };
  core_.run(write, [self = shared_from_this()](const Status&) { self->writing_behind_ = false; });
  return {};
}

void Connection::commit_file() {
  core_.run([file = std::move(incoming_)] { return file->commit(); },
            [self = shared_from_this()](Status status) { self->session_.on_stored(status); });
}

void Connection::abandon_file() { incoming_.reset(); }

Result<bool> Connection::takes_snapshots(std::string_view driver) {
  if (driver_ != nullptr && driver == driver_->driver->name()) return true;
  if (driver == "savepoint" || driver == "process" || driver == kNoDriver) return false;
  if (driver == "criu" && peer_ != 0 && core_.has_criu()) return true;
  return fail(ENOTSUP,
              "no driver '{}' here: 'savepoint' and 'process' need none, 'criu' is for programs of "
              "this machine and belay serve --criu, 'vm' for one in a machine of belay serve --vm",
              driver);
}

void Connection::take(const std::string& id) {
  auto work = [driver = driver_, id] {
    std::lock_guard turn(driver->turn);
    return driver->driver->take(id);
  };
  core_.run_driver(work,
                   [self = shared_from_this()](Status status) { self->session_.on_taken(status); });
}

void Connection::restore(const std::string& id) {
  auto work = [driver = driver_, id] {
    std::lock_guard turn(driver->turn);
    return driver->driver->restore(id);
  };
  core_.run_driver(
      work, [self = shared_from_this()](Status status) { self->session_.on_restored(status); });
}

void Connection::commit(Client& client) {
  auto done = [self = shared_from_this()](Status status) {
    if (!status && self->session_.client() != nullptr && !self->session_.client()->is_saved())
      self->uses_driver_ = false;
    self->session_.on_committed(status);
  };
  if (driver_ == nullptr && client.driver == "criu") driver_ = core_.criu_of(client.name);
  if (driver_ == nullptr || std::exchange(uses_driver_, true)) return core_.commit(client, done);
  core_.use_driver(client, driver_, done);
}

void Connection::while_aside(Client& client) {
  driver_->driver->attend(peer_, client.aside.thread);
  core_.while_aside(client);
}

void Connection::save(Client& client) {
  core_.commit(client, [](const Status&) {});
}

}  // namespace belay
