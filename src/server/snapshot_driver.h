#pragma once

// What takes and brings back the state of one client: a savepoint in it, an image on disk, the
// virtual machine that it runs in.

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace belay {

// Called from a thread of the server's that may block; one call at a time per driver object.
class SnapshotDriver {
 public:
  virtual ~SnapshotDriver() = default;

  virtual std::string_view name() const = 0;  // "savepoint", "process", "criu", "vm"

  // pre: the client is waiting for the answer to its CKP. `id` is made of [a-z0-9-], unique on this
  // server.
  virtual Status take(const std::string& id) = 0;
  // pre: the client waits for the answer to its RES, or is gone. Afterwards it waits for the answer
  // to the CKP with which `id` was taken.
  virtual Status restore(const std::string& id) = 0;
  virtual Status remove(const std::string& id) = 0;
  // The ids of all that there are: of another server's time, too.
  virtual std::vector<std::string> list() const = 0;
  // On disk; 0: not known.
  virtual uint64_t bytes_of(const std::string&) const { return 0; }

  // Of a driver whose client steps aside: it is not connected meanwhile, and a thread of it waits
  // to be woken, there as well as where it is restored.
  virtual void attend(pid_t /*process*/, pid_t /*thread*/) {}
  virtual void wake() {}
  // Snapshots can be removed though the client is not connected.
  virtual bool outlives_client() const { return false; }

  // What the client runs in has ended, was started again, and stands: restore() lets it go on, and
  // so does start_anew(), from its very beginning.
  virtual bool is_standing() const { return false; }
  virtual Status start_anew() { return {}; }
};

}  // namespace belay
