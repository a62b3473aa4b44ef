// Reading the log backwards.
#pragma once

#include <cstddef>

namespace belay::region {

// Puts back what was logged since the log ended at `mark`, and cuts it off there. Entries for stack
// between `stack_low` and `frame` are skipped: that is where functions live that the region called
// and that have returned, and by now this function itself.
void undo(std::byte* mark, const std::byte* stack_low, const std::byte* frame);

// What entries between `mark` and `top` saved within `bytes` at `address` is not put back.
void spare(std::byte* mark, std::byte* top, const void* address, size_t bytes);

}  // namespace belay::region
