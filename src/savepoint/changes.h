// Which pages may differ from the savepoint that the program was last equal to.
//
// A page is watched, or it is *hot*: in a list, and nothing tells of its writes. What a scan finds
// written becomes hot and stays so, since a loop that rolls back again and again writes mostly the
// same pages: from the second round on they cost no fault, and no scan. When hot pages that turn
// out equal have cost more than watching everything anew, that is done (ski rental: never more than
// twice the best). Where the kernel can't watch, every page is hot.
// Not thread-safe; while all threads stand still. In exempt memory.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"
#include "memory/dirty.h"
#include "memory/exempt.h"
#include "memory/page_reader.h"
#include "savepoint/exempt_ranges.h"
#include "savepoint/layout.h"
#include "savepoint/page_map.h"
#include "savepoint/page_slots.h"
#include "savepoint/stillness.h"

namespace belay {

class Changes {
 public:
  bool open(ExemptZone& zone, size_t slots_max, bool compare, PageSlots& slots,
            const ExemptRanges& exempt);
  void close();
  DirtyTracker& tracker() { return tracker_; }
  Stillness& stillness() { return stillness_; }

  // Whether pages that aren't hot can have changed, and mappings.
  Stillness::Verdict look() {
    return watching() ? stillness_.look() : Stillness::Verdict::kMappingsMayDiffer;
  }
  // Finds what else was written, in mappings that are what they were.
  Status find_in(const Layout& now, const PageMaps& maps, const PageMaps::Map& base);
  // Finds what else was written; `now` from read_layout() is the process, `before` (null: nothing)
  // as it was when last asked. Decides which areas of `now` are watched.
  Status find(Layout& now, const Layout* before, const PageMaps& maps, const PageMaps::Map& base);

  std::span<const PageSlots::Slot> hot() const { return hot_.first(hot_count_); }
  // False when there is no room for it.
  bool add_hot(PageSlots::Slot slot);
  // Keeps those hot for which keep(slot) is true.
  template <class Keep>
  void filter_hot(Keep keep) {
    size_t kept = 0;
    for (size_t i = 0; i < hot_count_; i++) {
      PageSlots::Slot slot = hot_[i];
      if (keep(slot))
        hot_[kept++] = slot;
      else
        slots_->flags(slot) &= uint8_t(~PageSlots::kHot);
    }
    hot_count_ = kept;
  }

  // Memory is equal to a savepoint now. Of `hot_before` pages that were hot before anybody looked,
  // `hits` had changed. `anew`: watch all in any case. `since`: see Stillness::begin().
  void settle(const Layout& now, size_t hot_before, size_t hits, bool anew,
              Stillness::Verdict since);

  // After memory was mapped afresh.
  Status watch(AddressRange range);

 private:
  bool watching() const { return tracker_.kind() == DirtyTracker::Kind::kUserfault; }
  Status add_run(const PageRun& run);
  Status take_in(Area& area, AddressRange range);
  Status add_own(AddressRange range, size_t* found);
  Status scan(AddressRange range, const PageMaps& maps, const PageMaps::Map& base);
  uint64_t add_known(AddressRange range, const PageMaps& maps, const PageMaps::Map& base);
  bool rearm(const Layout& now);

  DirtyTracker tracker_;
  Stillness stillness_;
  PageSlots* slots_ = nullptr;
  const ExemptRanges* exempt_ = nullptr;
  std::span<PageRun> runs_;
  std::span<PageSlots::Slot> hot_;
  size_t hot_count_ = 0;
  uint64_t wasted_ns_ = 0;  // on hot ones that had not changed, since all were watched
};

}  // namespace belay
