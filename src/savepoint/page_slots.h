// A dense number for each page that a savepoint has had to do with. Never given back: a program
// uses the same addresses again and again. In exempt memory, not thread-safe.
#pragma once

#include <cstdint>
#include <span>

#include "base/page.h"
#include "memory/exempt.h"

namespace belay {

class PageSlots {
 public:
  using Slot = uint32_t;
  static constexpr Slot kNone = 0;

  bool open(ExemptZone& zone, size_t slots_max);

  Slot find(uint64_t address) const {
    uint64_t page = address / kPageBytes;
    uint32_t leaf = leaf_of_[page / kLeafPages];
    return leaf == 0 ? kNone : leaves_[leaf].slot[page % kLeafPages];
  }
  // kNone when there is no room.
  Slot find_or_add(uint64_t address);
  uint64_t address(Slot slot) const { return pages_[slot].address; }

  // What is known of a page besides.
  enum Flag : uint8_t {
    kHot = 1,   // in the list of pages that nothing watches
    kBorn = 2,  // has once been there at a rollback to where it was not: a loop may need it again
    kDone = 4,  // for whoever goes through lists that overlap
  };
  uint8_t& flags(Slot slot) { return pages_[slot].flags; }
  size_t count() const { return made_; }

  // Calls visit(slot) for each known page of [start, end).
  template <class Visit>
  void each_in(uint64_t start, uint64_t end, Visit visit) const {
    uint64_t page = start / kPageBytes, last = end / kPageBytes;
    while (page < last) {
      uint32_t leaf = leaf_of_[page / kLeafPages];
      uint64_t next = (page / kLeafPages + 1) * kLeafPages;
      if (leaf == 0) {
        page = next;
        continue;
      }
      for (; page < last && page < next; page++)
        if (Slot slot = leaves_[leaf].slot[page % kLeafPages]; slot != kNone) visit(slot);
    }
  }

 private:
  static constexpr uint64_t kLeafPages = 1 << 15;  // 128 MiB
  static constexpr uint64_t kAddressPages = uint64_t{1} << (47 - 12);
  struct Leaf {
    Slot slot[kLeafPages];
  };
  struct Page {
    uint64_t address : 56;
    uint8_t flags;
  };

  std::span<uint32_t> leaf_of_;
  std::span<Leaf> leaves_;
  std::span<Page> pages_;
  uint32_t made_leaves_ = 1;
  uint32_t made_ = 1;
};

}  // namespace belay
