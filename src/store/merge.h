// Merging page tables by interval: of the extents of a generation, oldest first, what counts.
#pragma once

#include <vector>

#include "store/index_reader.h"
#include "store/reader.h"

namespace belay {

// Later extents win over earlier ones; discards remove. Sorted, disjoint, neighbours joined.
// O(n log n) in the number of extents whatever they cover, O(n) where they come sorted.
std::vector<StoredRun> merge_extents(std::vector<IndexedExtent> extents);

}  // namespace belay
