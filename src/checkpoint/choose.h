// Which checkpoint of the store a process goes back to, and whether it can.
#pragma once

#include <vector>

#include "checkpoint/config.h"
#include "store/reader.h"

namespace belay {

// Where the newest good checkpoint of the store lies; all zero without one.
Result<StorePosition> newest_position(const Config& config);
// Whether there is something in the store, good or not.
Result<bool> store_holds_any(const Config& config);

// One that is whole to its last page. What is lazy is verified when touched.
Result<LoadedCheckpoint> load_verified(const CheckpointInfo& info, const BuildIdentity& identity,
                                       cr_verify verify);
// The newest that is whole, or the one asked for; says what it passed over.
Result<LoadedCheckpoint> choose(const std::vector<CheckpointInfo>& found, const Config& config,
                                const BuildIdentity& identity);
// What the restored process adds to. No number is used twice; what has a name lies beside the two
// generations, of which the newest stays until there is a newer one.
StorePosition continue_at(const std::vector<CheckpointInfo>& found, const StorePosition& restored,
                          bool is_named);

}  // namespace belay
