// What the server knows: its clients and their snapshots. Plain data, used from one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace belay {

// Of a client without snapshots.
constexpr std::string_view kNoDriver = "none";

struct ServerLimits {
  size_t clients_max = 10'000;
  size_t snapshots_max = 100;  // of a client: the oldest that is not pinned makes room
  // Of a client that says what its snapshots occupy: as well.
  uint64_t disk_bytes_max = uint64_t{64} << 30;
  size_t files_max = 64;  // of a client
  uint64_t file_bytes_max = uint64_t{4} << 30;
  // A connection that has not greeted, and one that stands still in a frame or before an answer.
  uint64_t greeting_ms = 10'000, stalled_ms = 30'000;
  // Of a client, for the page: when it is full, every second point goes.
  size_t curve_points_max = 2048;
};

struct Snapshot {
  std::string id, parent;  // parent "": a root
  uint64_t taken_unix_ms = 0;
  uint64_t bytes = 0;
  uint64_t take_ns = 0;
  bool pinned = false;
  bool durable = false;  // the catalogue on disk has it
};

struct CurvePoint {
  uint64_t unix_ms = 0;
  double score = 0, loss = 0, decision_ns = 0;  // NaN: not reported
};

// Of a client that steps aside for its driver.
struct Aside {
  std::string id;         // "": it doesn't
  bool restores = false;  // this one is restored; else it is taken
  bool is_done = false;
  Status outcome;
  pid_t thread = 0;  // that waits
};

struct Client {
  std::string name, driver;
  std::string instance;  // of the process: another one with this name is another program run
  std::vector<Snapshot> snapshots;  // oldest first
  std::string current;              // where the program came from: the parent of its next snapshot
  std::string target;               // where RES leads; "": the latest
  // To be told to the client, which holds them, once they are not on disk any more; and those that
  // the last answer has told, until the client is heard again.
  std::vector<std::string> dropped, told;
  std::string store;         // where it keeps its snapshots itself, as it says
  uint64_t checkpoints = 0;  // that have been taken, ever

  // What follows is not kept on disk.
  uint64_t change = 0, saved_change = 0;  // the last that has been begun, and has been made durable
  bool unsaved = false;                   // the last one failed, and is to be tried again
  std::string pending;                    // the client has been told to take this one
  Aside aside;
  class Session* session = nullptr;  // the one that speaks for it
  bool connected = false, asked = false;
  uint64_t pid = 0, requests = 0, restores = 0;
  double decision_ns = 0, restore_ns = 0;  // as the client last reported
  uint64_t disk_bytes = 0;                 // of its snapshots, where it keeps them itself
  bool disk_is_full = false;               // they are over the limit, and none has gone since
  std::deque<CurvePoint> curve;
  uint64_t curve_total = 0;  // points that there have been

  Snapshot* find(std::string_view id);
  const Snapshot* goal() const;  // of RES; null: there is none
  bool has_history() const;      // snapshots, or has had some
  bool is_saved() const { return change == saved_change; }
};

class Catalog {
 public:
  // `prefix` makes ids differ from those of earlier runs of the server.
  Catalog(ServerLimits limits, std::string prefix) : limits_(limits), prefix_(std::move(prefix)) {}

  const ServerLimits& limits() const { return limits_; }
  std::map<std::string, Client, std::less<>>& clients() { return clients_; }
  Client* find(std::string_view name);
  Result<Client*> find_or_fail(std::string_view name);

  // A client begins. Fails with EEXIST when its name is in use by another program that is
  // connected, or that has snapshots on a disk which this one can't reach; EINVAL for a bad name,
  // EUSERS when there are too many. A new program run with the name of an old one has none of its
  // savepoints, which died with their process. `store`: where it keeps snapshots itself; `newest`:
  // the last of those that are there.
  Result<Client*> join(std::string_view name, std::string_view driver, std::string_view instance,
                       std::string_view store = "", std::string_view newest = "");

  // Names one more. Fails with EDQUOT when there is no room, and all are pinned.
  Result<std::string> new_snapshot(const Client& client);
  void add(Client& client, Snapshot snapshot);
  // One that could not be made durable, whatever the user has done with it meanwhile.
  void take_back(Client& client, const std::string& id);
  // Once the new one is durable, and not before, the oldest go. Snapshots share their disk space:
  // for its sake one goes at a time, and the client says how much is left. False: none had to.
  bool make_room(Client& client);
  Status pin(std::string_view client, std::string_view id, bool pinned);
  // Fails with EBUSY for a pinned one.
  Status remove(std::string_view client, std::string_view id);
  // Where the next RES of the client leads.
  Status select(std::string_view client, std::string_view id);
  // These are all snapshots of the client that its driver has, the oldest first: others are not
  // restorable any more, and of those that nobody knows, the driver is to be told. A server that
  // knows nothing of the client, since its own memory is new or was lost, takes them all over.
  // False: all were the same.
  bool keep_only(Client& client, const std::vector<std::string>& ids, uint64_t now_unix_ms);
  // Of a client that has lost its state: whose snapshots these are, null if nobody's; and in which
  // order to try them: the one that RES leads to, then from the newest on.
  Client* owner_of(const std::vector<std::string>& ids);
  static std::vector<std::string> ways_back(const Client& client,
                                            const std::vector<std::string>& ids);
  void note_metrics(Client& client, std::string_view text, uint64_t now_unix_ms);

 private:
  void erase(Client& client, const std::string& id);
  static Status check_heir(const Client& known, std::string_view driver, std::string_view store,
                           std::string_view newest);

  ServerLimits limits_;
  std::string prefix_;
  uint64_t last_ = 0;
  std::map<std::string, Client, std::less<>> clients_;
};

}  // namespace belay
