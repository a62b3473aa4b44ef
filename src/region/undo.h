// Reading the log backwards.
#pragma once

#include <cstddef>

namespace belay::region {

// Puts back what was logged since the log ended at `mark`, and cuts it off there. Entries for stack
// between `stack_low` and `frame` are skipped: that is where functions live that the region called
// and that have returned, and by now this function itself.
void undo(std::byte* mark, const std::byte* stack_low, const std::byte* frame);

// Makes entries since `mark` that lie within `bytes` at `address` survive an undo().
void spare(std::byte* mark, const void* address, size_t bytes);

}  // namespace belay::region
