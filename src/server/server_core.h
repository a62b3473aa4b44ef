// What the parts of the server share. Everything happens on the server's one thread, but for work
// that may block, which goes to others and comes back.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "server/catalog.h"
#include "server/hub.h"
#include "server/snapshot_driver.h"
#include "server/state_folder.h"

namespace belay {

struct DriverSlot {
  std::unique_ptr<SnapshotDriver> driver;
  std::mutex turn;  // one call at a time
};

class ServerCore {
 public:
  virtual ~ServerCore() = default;

  virtual Catalog& catalog() = 0;
  virtual Hub& hub() = 0;
  virtual StateFolder& folder() = 0;
  virtual uint64_t now_unix_ms() = 0;

  // `work` on another thread, then `done` with its result on this one.
  virtual void run(std::function<Status()> work, std::function<void(Status)> done) = 0;
  // The same for work of a driver, which may take a minute.
  virtual void run_driver(std::function<Status()> work, std::function<void(Status)> done) = 0;
  // The client's entry to disk; entries are written in the order of the calls.
  virtual void commit(Client& client, std::function<void(Status)> done) = 0;
  // What takes the snapshots of this client from outside, and removes those that are dropped. What
  // only one of driver and catalogue knows goes first; then as commit().
  virtual void use_driver(Client& client, std::shared_ptr<DriverSlot> driver,
                          std::function<void(Status)> done) = 0;
  virtual bool has_criu() const = 0;
  // pre: it has. What takes the snapshots of this client, which steps aside for it.
  virtual std::shared_ptr<DriverSlot> criu_of(const std::string& client) = 0;
  // Takes or restores what client.aside wants, and wakes the client.
  virtual void while_aside(Client& client) = 0;
  // Something is to be seen that was not: views are drawn anew.
  virtual void changed() = 0;
  virtual void stop() = 0;

  // The user asks these clients for a checkpoint; "": all that are connected. Returns their names.
  Result<std::vector<std::string>> ask(std::string_view client);
};

}  // namespace belay
