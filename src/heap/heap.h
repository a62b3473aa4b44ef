// What the other layers need to know about the heap: its limit, and where it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"

namespace belay {

// Sets the limit of crmalloc, 0 for the default; BELAY_HEAP_MAX wins over it. Before the first
// allocation this decides how much address space is reserved; afterwards it can't exceed that.
// EINVAL for a bad BELAY_HEAP_MAX or a size out of range, EBUSY for a size above the reservation.
Status heap_configure(size_t heap_bytes_max);

// Address ranges, tables included; empty before first use.
struct HeapRange {
  uintptr_t begin = 0;
  uintptr_t end = 0;
};
HeapRange heap_range();
HeapRange exempt_range();

// What the exempt arena keeps outside itself. Whoever lets the arena outlive a restore copies these
// bytes along. Nobody may be in exempt_malloc or exempt_free meanwhile.
std::span<std::byte> exempt_bookkeeping();

}  // namespace belay
