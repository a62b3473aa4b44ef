// Blocks of exempt memory for what savepoints share besides pages: layouts, threads, files. Sizes
// are powers of two, freed blocks serve again. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "memory/exempt.h"

namespace belay {

class BlockPool {
 public:
  bool open(ExemptZone& zone, size_t bytes);
  // Zeroed; null when there is no room.
  void* take(size_t bytes);
  void give(void* block, size_t bytes);
  size_t in_use() const { return in_use_; }

 private:
  static constexpr unsigned kLeastShift = 6, kShifts = 40;
  static unsigned shift_of(size_t bytes);

  std::span<std::byte> memory_;
  size_t used_ = 0;
  size_t in_use_ = 0;
  void* free_[kShifts] = {};
};

}  // namespace belay
