// Becoming a checkpointed process.
#pragma once

#include "base/error.h"
#include "checkpoint/config.h"
#include "store/reader.h"

namespace belay {

// What this process found in its store.
struct StoreView {
  StorePosition position;  // of the newest good checkpoint; all zero without one
  bool any = false;        // there is something, good or not
};
Result<StoreView> look_into_store(const Config& config);

// Does not return when there is a checkpoint to restore. Returns success when there is none, and
// an error, with this process unharmed, when it cannot be done. `lock_fd` goes along.
Status restore_newest(const Config& config, const BuildIdentity& identity, int lock_fd);

}  // namespace belay
