#include "savepoint/page_slots.h"

#include <algorithm>

namespace belay {

constexpr size_t kLeavesMax = 1 << 14;  // 2 TiB of address space in use

bool PageSlots::open(ExemptZone& zone, size_t slots_max) {
  leaf_of_ = zone.take<uint32_t>(kAddressPages / kLeafPages);
  leaves_ = zone.take<Leaf>(std::min(kLeavesMax, (zone.end() - zone.start()) / 16 / sizeof(Leaf)));
  pages_ = zone.take<Page>(slots_max);
  return !leaf_of_.empty() && !leaves_.empty() && !pages_.empty();
}

PageSlots::Slot PageSlots::find_or_add(uint64_t address) {
  uint64_t page = address / kPageBytes;
  uint32_t& leaf = leaf_of_[page / kLeafPages];
  if (leaf == 0) {
    if (made_leaves_ == leaves_.size()) return kNone;
    leaf = made_leaves_++;
  }
  Slot& slot = leaves_[leaf].slot[page % kLeafPages];
  if (slot == kNone && made_ < pages_.size()) {
    slot = made_++;
    pages_[slot].address = page_floor(address);
  }
  return slot;
}

}  // namespace belay
