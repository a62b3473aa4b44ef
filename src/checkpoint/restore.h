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

// The one that is kept under this name; the newest where `name` is null. Does not return when there
// is a checkpoint to restore. Returns success when there is none yet, and an error, with this
// process unharmed, when it cannot be done. `lock_fd` goes along.
Status restore_checkpoint(const Config& config, const char* name, const BuildIdentity& identity,
                          int lock_fd);

}  // namespace belay
