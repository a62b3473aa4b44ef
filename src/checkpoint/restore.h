// Becoming a checkpointed process.
#pragma once

#include "base/error.h"
#include "checkpoint/config.h"
#include "store/reader.h"

namespace belay {

// Where the newest good checkpoint of the store lies; all zero without one.
Result<StorePosition> newest_position(const Config& config);
// Whether there is something in the store, good or not.
Result<bool> store_holds_any(const Config& config);

// Does not return when there is a checkpoint to restore. Returns success when there is none, and
// an error, with this process unharmed, when it cannot be done. `lock_fd` goes along.
Status restore_newest(const Config& config, const BuildIdentity& identity, int lock_fd);

}  // namespace belay
