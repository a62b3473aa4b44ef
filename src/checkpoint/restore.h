// Becoming a checkpointed process.
#pragma once

#include "base/error.h"
#include "checkpoint/config.h"
#include "store/reader.h"

namespace belay {

// The one that is kept under this name; the newest where `name` is null. Does not return when there
// is a checkpoint to restore. Returns success when there is none yet, and an error, with this
// process unharmed, when it cannot be done. `lock_fd` goes along. `rehearses`: only finds out
// whether it can be done, and returns.
Status restore_checkpoint(const Config& config, const char* name, const BuildIdentity& identity,
                          int lock_fd, bool rehearses = false);

}  // namespace belay
