// Shadow mode (-belay-shadow): what a region writes is logged a second time, naively: every write,
// by no more than its address and width, before any optimisation. At a rollback both logs must give
// the same memory.
#pragma once

#include <cstddef>

#include "region/thread_state.h"

namespace belay::region {

// Of writes that Belay itself makes or asks for; nothing if no code has been compiled with
// -belay-shadow.
void shadow_bytes(const volatile void* address, size_t bytes, const char* writer);

// Right after undo(): ends the program if a word that the region wrote is not what the naive log
// says. Memory that is dead by then is left out: stack from `stack_low` on, blocks that the region
// has allocated, its exceptions. So is the frame of the function that holds the markers: code that
// has been inlined into it keeps variables there which no log need know.
void compare_with_shadow(const Region& region, const std::byte* stack_low);

}  // namespace belay::region
