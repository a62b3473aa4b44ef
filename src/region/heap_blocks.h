// Heap blocks that a region allocated or freed. A rollback releases the former, a commit the
// latter; until then a freed block stays, since the log may point into it.
#pragma once

#include "region/thread_state.h"

namespace belay::region {

// Notes what malloc or new gave; returns it. Null is not noted.
void* born(void* address, Release how, uint32_t alignment_log2 = 0);

// Releases `address`: at once outside a region, otherwise at the commit.
void died(void* address, Release how, uint32_t alignment_log2 = 0);

void release_births(size_t from);  // those since births.size() was `from`
void release_deaths();

// Forgets the births since `from`: an exception owns them, and leaves the region with them.
void spare_births(size_t from);

}  // namespace belay::region
