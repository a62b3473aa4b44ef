#include "server/server.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <list>
#include <tuple>

#include "base/log.h"
#include "server/asio_wire.h"
#include "server/connection.h"
#include "server/control_socket.h"
#include "server/criu_driver.h"
#include "server/listeners.h"
#include "server/terminal.h"

namespace belay {
namespace {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;
using ErrorCode = boost::system::error_code;

constexpr size_t kReadBytes = 1 << 20;
constexpr int kSocketBytes = 4 << 20;
// Connections beyond the clients: views, commands, and those that have not said who they are.
constexpr size_t kOtherConnectionsMax = 4096;
constexpr uint64_t kTickMs = 1000;

uint64_t unix_ms() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return uint64_t(now.tv_sec) * 1000 + uint64_t(now.tv_nsec) / 1'000'000;
}

// Each client is a descriptor.
void raise_descriptor_limit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Of ids as Catalog::new_snapshot() makes them: by the server's start, then by number.
bool is_older(const std::string& a, const std::string& b) {
  auto parts = [](const std::string& id) {
    const size_t dash = std::min(id.find('-'), id.size());
    return std::tuple(id.substr(0, dash), id.size(), id);
  };
  return parts(a) < parts(b);
}

ucred peer_of(Local::socket& socket) {
  ucred peer = {0, uid_t(-1), gid_t(-1)};
  socklen_t bytes = sizeof peer;
  getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes);
  return peer;
}

// Only processes of the user that the server runs as.
bool is_same_user(Local::socket& socket) { return peer_of(socket).uid == geteuid(); }

}  // namespace

class Server::Impl final : public ServerCore {
 public:
  Impl(ServerOptions options, StateFolder folder)
      : options_(std::move(options)),
        folder_(std::move(folder)),
        catalog_(options_.limits, fmt::format("{:x}", unix_ms())),
        buffer_(kReadBytes),
        commands_(std::make_shared<WaitingList>(kUnheardMax, options_.limits.stalled_ms)) {}
  ~Impl() override { leave(); }

  Status start();
  void run();
  const std::vector<std::string>& addresses() const { return addresses_; }

  Catalog& catalog() override { return catalog_; }
  Hub& hub() override { return hub_; }
  StateFolder& folder() override { return folder_; }
  uint64_t now_unix_ms() override { return unix_ms(); }
  void run(std::function<Status()> work, std::function<void(Status)> done) override {
    post_work(workers_, std::move(work), std::move(done));
  }
  void run_driver(std::function<Status()> work, std::function<void(Status)> done) override {
    post_work(drivers_work_, std::move(work), std::move(done));
  }
  void commit(Client& client, std::function<void(Status)> done) override;
  void use_driver(Client& client, std::shared_ptr<DriverSlot> driver,
                  std::function<void(Status)> done) override;
  bool has_criu() const override { return !options_.criu.empty(); }
  std::shared_ptr<DriverSlot> criu_of(const std::string& client) override;
  void while_aside(Client& client) override;
  void changed() override {
    if (terminal_) terminal_->changed();
  }
  void stop() override {
    asio::post(io_, [this] { io_.stop(); });
  }

 private:
  using Accepted = std::function<void(Local::socket)>;
  void post_work(asio::thread_pool& pool, std::function<Status()> work,
                 std::function<void(Status)> done);
  Status listen_local(const std::string& path, Accepted accepted);
  void accept(Local::acceptor& acceptor, const Accepted& accepted);
  void add(std::unique_ptr<Wire> wire, std::shared_ptr<DriverSlot> driver, pid_t peer = 0);
  struct Attachment {
    std::string socket;
    AttachedClient::Find find_again;
    std::weak_ptr<DriverSlot> driver;  // as long as the connection lives
    bool is_looked_for = false;
  };
  Status attach(Attachment& attachment, std::unique_ptr<SnapshotDriver> driver);
  void look_for(Attachment& attachment);
  void remove_dropped(Client& client);
  void forget_closed();
  void tick();
  void leave();

  ServerOptions options_;
  StateFolder folder_;
  Catalog catalog_;
  Hub hub_;
  std::vector<std::byte> buffer_;
  asio::io_context io_{1};
  asio::steady_timer timer_{io_};
  asio::signal_set signals_{io_};
  std::list<Local::acceptor> acceptors_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::shared_ptr<WaitingList> commands_;
  std::vector<std::string> sockets_, addresses_;
  std::list<std::shared_ptr<Connection>> connections_;
  std::list<Attachment> attachments_;
  std::map<std::string, std::shared_ptr<DriverSlot>> drivers_;  // of clients that are connected
  std::unique_ptr<Terminal> terminal_;
  // Entries of the catalogue are written in order; files need not wait for them, and nobody for
  // a driver whose machine has stopped to answer, but another driver if there are many of those.
  asio::thread_pool writer_{1}, workers_{2}, drivers_work_{8};
};

void Server::Impl::post_work(asio::thread_pool& pool, std::function<Status()> work,
                             std::function<void(Status)> done) {
  asio::post(pool, [this, work = std::move(work), done = std::move(done)]() mutable {
    Status status = work();
    asio::post(io_, [done = std::move(done), status] { done(status); });
  });
}

void Server::Impl::commit(Client& client, std::function<void(Status)> done) {
  changed();
  auto work = [this, name = client.name, is_new = client.saved_change == 0,
               text = StateFolder::serialise(client)] {
    Status status = is_new ? folder_.make_client(name) : Status();
    return status ? folder_.save(name, text) : status;
  };
  // Clients are never removed from the catalogue.
  auto saved = [this, &client, change = ++client.change, done = std::move(done)](Status status) {
    if (status) client.saved_change = change;
    if (!status) client.unsaved = true;
    if (client.is_saved()) remove_dropped(client);
    done(std::move(status));
  };
  post_work(writer_, work, saved);
}

void Server::Impl::use_driver(Client& client, std::shared_ptr<DriverSlot> driver,
                              std::function<void(Status)> done) {
  drivers_[client.name] = driver;
  auto ids = std::make_shared<std::vector<std::string>>();
  auto list = [driver, ids]() -> Status {
    std::lock_guard turn(driver->turn);
    *ids = driver->driver->list();
    std::sort(ids->begin(), ids->end(), is_older);
    return {};
  };
  run_driver(list, [this, &client, ids, done = std::move(done)](Status) {
    catalog_.keep_only(client, *ids, unix_ms());
    commit(client, done);
  });
}

std::shared_ptr<DriverSlot> Server::Impl::criu_of(const std::string& client) {
  auto known = drivers_.find(client);
  if (known != drivers_.end()) return known->second;
  auto slot = std::make_shared<DriverSlot>();
  slot->driver = std::make_unique<CriuDriver>(options_.criu, folder_.images_of(client));
  return slot;
}

void Server::Impl::while_aside(Client& client) {
  auto slot = drivers_.at(client.name);
  const Aside wanted = client.aside;
  auto wake = [&client, slot, wanted](const Status& outcome) {
    if (client.aside.id != wanted.id) return;  // it was not patient, and wants something else
    client.aside.outcome = outcome;
    client.aside.is_done = true;
    slot->driver->wake();
  };
  auto work = [slot, wanted] {
    std::lock_guard turn(slot->turn);
    return wanted.restores ? slot->driver->restore(wanted.id) : slot->driver->take(wanted.id);
  };
  run_driver(work, [this, &client, slot, wanted, wake, began_ms = unix_ms()](const Status& done) {
    if (!done) log(LogLevel::kError, "client '{}': {}", client.name, done.error().text());
    if (done && wanted.restores) {
      client.current = wanted.id;
      client.restores++;
    }
    if (!done || wanted.restores) return wake(done);
    catalog_.add(client, {.id = wanted.id,
                          .taken_unix_ms = unix_ms(),
                          .bytes = slot->driver->bytes_of(wanted.id),
                          .take_ns = (unix_ms() - began_ms) * 1'000'000});
    commit(client, [this, &client, wanted, wake](const Status& saved) {
      if (!saved) catalog_.take_back(client, wanted.id);
      if (Snapshot* taken = client.find(wanted.id)) taken->durable = true;
      wake(saved);
    });
  });
}

// Once the catalogue on disk says that they are gone, and not before.
void Server::Impl::remove_dropped(Client& client) {
  auto driver = drivers_.find(client.name);
  if (driver == drivers_.end() || driver->second->driver->name() != client.driver) return;
  for (const std::string& id : client.dropped) {
    auto remove = [slot = driver->second, id] {
      std::lock_guard turn(slot->turn);
      return slot->driver->remove(id);
    };
    run_driver(remove, [&client, id](const Status& status) {
      if (status) return;
      log(LogLevel::kError, "{}; it is tried again", status.error().text());
      client.dropped.push_back(id);
    });
  }
  client.dropped.clear();
}

Status Server::Impl::listen_local(const std::string& path, Accepted accepted) {
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return fail(ENAMETOOLONG, "{}: too long for a socket", path);
  const bool is_abstract = path.starts_with('@');  // unix(7): goes with the server
  // What a killed server has left. Another one, with a folder of its own, may use it.
  struct stat info = {};
  bool is_there = !is_abstract && lstat(path.c_str(), &info) == 0;
  if (is_there && S_ISSOCK(info.st_mode)) {
    Local::socket probe(io_);
    ErrorCode code;
    probe.connect(Local::endpoint(path), code);
    if (!code) return fail(EADDRINUSE, "{}: another server listens there", path);
    unlink(path.c_str());
  }
  mode_t mask = umask(0177);
  Local::acceptor& acceptor = acceptors_.emplace_back(io_);
  Status listens = listen_at(acceptor, is_abstract ? '\0' + path.substr(1) : path, path);
  umask(mask);
  BELAY_TRY(listens);
  if (!is_abstract) sockets_.push_back(path);
  accept(acceptor, accepted);
  return {};
}

void Server::Impl::accept(Local::acceptor& acceptor, const Accepted& accepted) {
  acceptor.async_accept([this, &acceptor, accepted](ErrorCode code, Local::socket socket) {
    if (code == asio::error::operation_aborted) return;
    if (!code && is_same_user(socket)) accepted(std::move(socket));
    accept(acceptor, accepted);
  });
}

void Server::Impl::add(std::unique_ptr<Wire> wire, std::shared_ptr<DriverSlot> driver, pid_t peer) {
  forget_closed();
  if (connections_.size() >= options_.limits.clients_max + kOtherConnectionsMax) return;
  auto connection = std::make_shared<Connection>(*this, std::move(wire), std::move(driver), peer);
  connections_.push_back(connection);
  connection->start();
}

Status Server::Impl::attach(Attachment& attachment, std::unique_ptr<SnapshotDriver> driver) {
  Local::socket socket(io_);
  ErrorCode code;
  socket.connect(Local::endpoint(attachment.socket), code);
  if (code) return failed(code, attachment.socket);
  auto slot = std::make_shared<DriverSlot>();
  slot->driver = std::move(driver);
  attachment.driver = slot;
  add(std::make_unique<AsioWire<Local::socket>>(std::move(socket), buffer_), slot);
  return {};
}

// Its machine has ended, or its program has spoken out of turn.
void Server::Impl::look_for(Attachment& attachment) {
  if (!attachment.driver.expired() || !attachment.find_again) return;
  if (attachment.is_looked_for) return;
  attachment.is_looked_for = true;
  auto found = std::make_shared<std::unique_ptr<SnapshotDriver>>();
  auto find = [found, find_again = attachment.find_again]() -> Status {
    BELAY_ASSIGN(*found, find_again());
    return {};
  };
  run_driver(find, [this, &attachment, found](Status status) {
    attachment.is_looked_for = false;
    if (status) status = attach(attachment, std::move(*found));
    if (status) log(LogLevel::kNotice, "{}: a machine is there again", attachment.socket);
  });
}

// What takes its snapshots goes with the connection: another one may want to talk to its machine.
void Server::Impl::forget_closed() {
  std::erase_if(connections_, [](const auto& connection) { return connection->is_closed(); });
  std::erase_if(drivers_, [this](const auto& known) {
    const Client* client = catalog_.find(known.first);
    if (client->connected || known.second->driver->outlives_client()) return false;
    log(LogLevel::kError,
        "the machine of client '{}' is gone; one that belay vm starts in its place is "
        "connected, and brought back where it has snapshots",
        known.first);
    return true;
  });
}

Status Server::Impl::start() {
  raise_descriptor_limit();
  BELAY_TRY(folder_.load(catalog_));
  BELAY_TRY(listen_local(options_.socket, [this](Local::socket socket) {
    ErrorCode ignored;
    socket.set_option(asio::socket_base::send_buffer_size(kSocketBytes), ignored);
    pid_t peer = peer_of(socket).pid;
    add(std::make_unique<AsioWire<Local::socket>>(std::move(socket), buffer_), nullptr, peer);
  }));
  addresses_.push_back("unix:" + options_.socket);
  if (!options_.control.empty()) {
    BELAY_TRY(listen_local(options_.control, [this](Local::socket socket) {
      serve_command(std::move(socket), *this, commands_);
    }));
  }
  if (!options_.tcp.empty()) {
    BELAY_ASSIGN(auto tls,
                 listen_tls(io_, options_.tcp, options_.token, options_.limits.greeting_ms,
                            [this](auto wire) { add(std::move(wire), nullptr); }));
    std::string host = options_.tcp.substr(0, options_.tcp.rfind(':'));
    addresses_.push_back(fmt::format("tcp:{}:{}", host, tls->port()));
    listeners_.push_back(std::move(tls));
  }
  if (options_.http_port >= 0) {
    BELAY_ASSIGN(auto http, serve_http(io_, *this, uint16_t(options_.http_port), options_.token,
                                       options_.page_folder));
    addresses_.push_back(
        fmt::format("http://127.0.0.1:{}/?token={}", http->port(), options_.token));
    listeners_.push_back(std::move(http));
  }
  for (AttachedClient& attached : options_.attached)
    BELAY_TRY(attach(attachments_.emplace_back(Attachment{attached.socket, attached.find_again}),
                     std::move(attached.driver)));
  return {};
}

void Server::Impl::tick() {
  const ServerLimits& limits = catalog_.limits();
  timer_.expires_after(
      std::chrono::milliseconds(std::min({kTickMs, limits.greeting_ms, limits.stalled_ms})));
  timer_.async_wait([this](ErrorCode code) {
    if (code) return;
    uint64_t now = unix_ms();
    forget_closed();
    for (Attachment& attachment : attachments_) look_for(attachment);
    commands_->tick(now);
    for (auto& listener : listeners_) listener->tick(now);
    // A copy: a tick may close connections.
    for (auto& connection : std::vector(connections_.begin(), connections_.end()))
      connection->tick(now);
    for (auto& [name, client] : catalog_.clients())
      if (std::exchange(client.unsaved, false)) commit(client, [](const Status&) {});
    if (terminal_) terminal_->draw();
    tick();
  });
}

void Server::Impl::run() {
  if (options_.ends_by_signal) {
    signals_.add(SIGINT);
    signals_.add(SIGTERM);
    signals_.async_wait([this](ErrorCode code, int) {
      if (!code) io_.stop();
    });
  }
  if (options_.view) terminal_ = Terminal::open(io_, *this);
  tick();
  io_.run();
  terminal_.reset();
  leave();
}

// What has been begun is finished; what has not been confirmed may be lost.
void Server::Impl::leave() {
  drivers_work_.join();
  workers_.join();
  writer_.join();
  for (auto& connection : connections_) connection->close();
  connections_.clear();
  for (const std::string& path : sockets_) unlink(path.c_str());
  sockets_.clear();
  if (options_.removes_folder) folder_.remove_if_empty();
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options) {
  BELAY_ASSIGN(StateFolder folder, StateFolder::open(*options.os, options.folder));
  auto impl = std::make_unique<Impl>(std::move(options), std::move(folder));
  BELAY_TRY(impl->start());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
void Server::run() { impl_->run(); }
void Server::stop() { impl_->stop(); }
std::vector<std::string> Server::addresses() const { return impl_->addresses(); }

}  // namespace belay
