// Checksums of the pages of the last checkpoint, for when the kernel does not say which pages were
// written: what hashes to the same is not written again. Allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace belay {

class PageSums {
 public:
  struct Entry {
    uint64_t page;  // address; 0: empty
    uint64_t sum;
  };

  // Two tables in turn, each half of `memory`.
  void open(std::span<Entry> memory);

  // Begins a checkpoint of about `pages` pages: what was noted becomes what is compared with.
  void begin(uint64_t pages);

  // Notes the page, and tells whether the last checkpoint held the same. False as well for pages
  // beyond what the table has room for.
  bool same_as_before(uint64_t address, const std::byte* page);

 private:
  static Entry* find(std::span<Entry> table, uint64_t page);

  std::span<Entry> halves_[2];
  std::span<Entry> now_, before_;
  uint64_t noted_ = 0;
};

}  // namespace belay
