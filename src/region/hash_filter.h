// The seed's second buffer: a hash table in front of the log that knows which addresses the region
// has logged, so that each keeps its first old value only. The log stays as short as the set of
// what is written, at the price of a probe for each write.
#pragma once

#include <cstddef>

namespace belay::region {

// Whether the present region has yet to log `bytes` at `address`; it counts as logged from now on.
// May say so once too often, which costs an entry, never too seldom.
bool is_first_write(const volatile void* address, size_t bytes);

void close_hash_filter();

}  // namespace belay::region
