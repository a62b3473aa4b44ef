// Bytes that a rollback leaves as they are: what the program registered, Belay's own static data,
// what the kernel keeps current in a thread's memory. In exempt memory, not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "memory/exempt.h"

namespace belay {

class ExemptRanges {
 public:
  struct Range {
    uint64_t start = 0, end = 0;
  };

  bool open(ExemptZone& zone);

  // ENOMEM when there are too many. Ranges may overlap.
  Status add(uint64_t start, uint64_t end);
  // False when there is none that begins at `start`.
  bool remove(uint64_t start);

  // How much of the page at `address` is exempt.
  enum class Part { kNone, kSome, kAll };
  Part of_page(uint64_t address) const;

  // Copies `from` to the page at `to`, but for its exempt bytes.
  void copy_page(std::byte* to, const std::byte* from) const;
  // Whether the page differs from `copy` in a byte that is not exempt.
  bool page_differs(const std::byte* page, const std::byte* copy) const;

 private:
  template <class Stretch>
  void each_part(uint64_t page, Stretch part) const;

  std::span<Range> ranges_;  // by start
  size_t count_ = 0;
  uint64_t longest_ = 0;
};

}  // namespace belay
