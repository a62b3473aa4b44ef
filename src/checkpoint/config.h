// What crinit() was told, completed by the environment and defaults.
#pragma once

#include <belay/checkpoint_restore.h>

#include <cstdint>
#include <string>

#include "base/error.h"
#include "store/writer.h"

namespace belay {

struct Config {
  char store[kStorePathBytes] = {};      // directory of all instances
  char directory[kStorePathBytes] = {};  // of this instance: store/name
  char name[256] = {};
  uint64_t heap_bytes_max = 0;
  uint32_t interval_ms = 0;
  uint32_t retention = 0;
  cr_verify verify = CR_VERIFY_AHEAD;
  bool compare_pages = false;     // BELAY_TRACKER=compare
  uint64_t restore_sequence = 0;  // BELAY_RESTORE_SEQUENCE; 0: the newest
};

// Where checkpoints are kept when nobody says: $BELAY_STORE, $XDG_STATE_HOME/belay, or
// ~/.local/state/belay. ENOENT without a home.
Result<std::string> default_store_directory();

// `attributes` may be null. EINVAL names the attribute or variable that makes no sense.
Result<Config> make_config(const crattr* attributes);

// Makes the instance's directory, mode 0700, with its parents.
Status make_directory(const Config& config);

// Takes <directory>/lock for this process; EBUSY names the process that holds it. Returns the
// descriptor that holds the lock.
Result<int> lock_instance(const Config& config);

}  // namespace belay
