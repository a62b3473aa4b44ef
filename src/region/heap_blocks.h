// Heap blocks that a region allocated or freed. A rollback releases the former, a commit the
// latter; until then a freed block stays, since the log may point into it.
#pragma once

#include "region/thread_state.h"

namespace belay::region {

// Notes `bytes` that malloc or new gave; returns them. Null is not noted.
void* born(void* address, size_t bytes, Release how, uint32_t alignment_log2 = 0);
// The same for what the C library took from malloc, of whatever size.
void* born_by_malloc(void* address);

// Releases `address`: at once outside a region, otherwise at the commit.
void died(void* address, Release how, uint32_t alignment_log2 = 0);

// Those since births.size() was `from`, but for the spared ones, which belong to the region around,
// if there is one, as the exceptions do (since `exceptions_from`) that own them.
void release_births(size_t from, size_t exceptions_from);
void release_deaths();

// Whether it is a block of the heap, with bytes that the log may hold.
inline bool is_memory(const Block& block) { return block.how < Release::kException; }

}  // namespace belay::region
