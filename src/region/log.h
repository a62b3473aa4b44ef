// Appending to the undo log, out of line.
#pragma once

#include <cstddef>

namespace belay::region {

// Saves `bytes` at `address`. In a region, or where a region has been on this thread.
void log_bytes(const volatile void* address, size_t bytes);

}  // namespace belay::region
