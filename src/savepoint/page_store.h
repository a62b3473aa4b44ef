// Copies of pages, counted: savepoints that hold equal pages hold the same copy. In exempt memory.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/page.h"
#include "memory/exempt.h"

namespace belay {

class PageStore {
 public:
  using Id = uint32_t;
  static constexpr Id kNone = 0;

  // Room for `pages_max` copies; false when the zone has not that much address space.
  bool open(ExemptZone& zone, size_t pages_max);

  // A new copy with one owner, of undefined contents; kNone when all are in use.
  Id make();
  void keep(Id page) { owners_[page]++; }
  void drop(Id page);

  std::byte* at(Id page) const { return pages_.data() + size_t{page} * kPageBytes; }
  size_t capacity() const { return owners_.size(); }
  size_t in_use() const { return in_use_; }

  // Gives the memory of dropped copies back to the system, when there is much of it.
  void trim();

 private:
  std::span<std::byte> pages_;
  std::span<uint32_t> owners_;
  // Dropped ones: below `cold_`, without memory; from there to `free_`, with their old contents.
  std::span<Id> dropped_;
  size_t cold_ = 0, free_ = 0;
  size_t made_ = 1;
  size_t in_use_ = 0;
};

}  // namespace belay
