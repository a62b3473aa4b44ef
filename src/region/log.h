// Appending to the undo log, out of line.
#pragma once

#include <cstddef>

namespace belay::region {

// Saves `bytes` at `address`. In a region, or where a region has been on this thread.
void log_bytes(const volatile void* address, size_t bytes);

// What was logged since the log ended at `mark` by one log_bytes() is reduced to its first `bytes`.
void shorten_log(std::byte* mark, size_t bytes);

}  // namespace belay::region
