// `belay serve`: listens, and runs until it is told to stop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/os.h"
#include "server/catalog.h"
#include "server/snapshot_driver.h"

namespace belay {

// A client that does not connect by itself: the server connects to a Unix socket, behind which it
// is (a virtual machine's serial port), and takes its snapshots from outside.
struct AttachedClient {
  using Find = std::function<Result<std::unique_ptr<SnapshotDriver>>()>;
  std::string socket;
  std::unique_ptr<SnapshotDriver> driver;
  Find find_again;  // for one that has ended and been started anew; null: it is not waited for
};

struct ServerOptions {
  std::string folder;           // its state
  bool removes_folder = false;  // when it ends, unless a client's state is in it
  std::string socket;           // Unix socket for clients of the same user; "@...": in no folder
  std::string control;          // Unix socket for `belay ctl`; "": none
  bool ends_by_signal = true;   // SIGINT and SIGTERM
  std::string tcp;              // HOST:PORT for clients that know the token, over TLS; "": none
  std::string token;            // of TCP and HTTP
  int http_port = -1;           // of the page, on 127.0.0.1; -1: none, 0: any
  std::string page_folder;      // the page's files
  bool view = false;            // the terminal shows what goes on, and takes keys
  std::string criu;             // the program; "": the driver of that name is not offered
  ServerLimits limits;
  std::vector<AttachedClient> attached;
  Os* os = &real_os();  // of its state
};

class Server {
 public:
  // Listens when it returns. Fails with EADDRINUSE, EBUSY, EACCES.
  static Result<std::unique_ptr<Server>> start(ServerOptions options);
  ~Server();

  // Until stop(), SIGINT or SIGTERM.
  void run();
  // On any thread.
  void stop();
  // Where it listens, a line each, for people.
  std::vector<std::string> addresses() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace belay
