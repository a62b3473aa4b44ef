// One connection of a client: bytes from and to a wire, files from and to the state folder, and in
// the middle a Session.
#pragma once

#include <deque>
#include <memory>

#include "server/file_view.h"
#include "server/server_core.h"
#include "server/session.h"
#include "server/wire.h"

namespace belay {

class Connection final : public SessionHost, public std::enable_shared_from_this<Connection> {
 public:
  // `driver`: what takes this client's snapshots from outside; null: the client does. `peer`: the
  // process at the other end, where that is known.
  Connection(ServerCore& core, std::unique_ptr<Wire> wire, std::shared_ptr<DriverSlot> driver,
             pid_t peer);

  void start();
  void close();
  bool is_closed() const { return closed_; }
  Session& session() { return session_; }
  // Once a second: closes what says nothing, or takes nothing, for too long.
  void tick(uint64_t now_ms);

  void send(FrameType type, uint16_t flags, std::string_view name, std::string_view body) override;
  void send_shared(FrameType type, std::string_view name, Hub::Body body) override;
  Status send_file(const Client& client, std::string_view name) override;
  Status begin_file(const Client& client, std::string_view name, uint64_t bytes) override;
  Status file_data(std::span<const std::byte> data) override;
  void commit_file() override;
  void abandon_file() override;
  Result<bool> takes_snapshots(std::string_view driver) override;
  void take(const std::string& id) override;
  void restore(const std::string& id) override;
  void commit(Client& client) override;
  void save(Client& client) override;
  void while_aside(Client& client) override;
  uint64_t now_unix_ms() override { return core_.now_unix_ms(); }

 private:
  // Text, a file, or what several are sent, from which `sent` bytes are gone.
  struct Outgoing {
    std::string text;
    std::shared_ptr<FileView> file;
    Hub::Body shared;
    size_t sent = 0;
    std::span<const std::byte> rest() const;
  };

  void bring_back();
  void on_back(const std::string& client, const std::string& id, const Status& status);
  void read();
  void on_data(Result<std::span<const std::byte>> data);
  void flush();
  void fail_with(const Error& error);

  ServerCore& core_;
  std::unique_ptr<Wire> wire_;
  std::shared_ptr<DriverSlot> driver_;
  pid_t peer_;
  FrameParser parser_;
  std::deque<Outgoing> outgoing_;
  bool uses_driver_ = false;  // the core knows it
  bool writing_behind_ = false;
  bool closed_ = false, closing_ = false, reading_ = false, waits_to_write_ = false;
  uint64_t began_ms_, moved_ms_;  // when it was opened; when anything last went in or out
  std::shared_ptr<IncomingFile> incoming_;
  Session session_;  // last: what it needs is there as long as it is
};

}  // namespace belay
