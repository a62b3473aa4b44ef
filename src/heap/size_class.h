// Block sizes: 16-byte steps to 128, then four per doubling to 256 KiB, so that rounding wastes a
// fifth at most. Every power of two is a class: that is what aligned blocks are made of.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "heap/arena_layout.h"

namespace belay {

constexpr size_t kSmallBytesMax = 256 << 10;
constexpr unsigned kSizeClasses = 52;

constexpr unsigned size_class_of(size_t bytes) {
  if (bytes <= 128) return bytes == 0 ? 0 : static_cast<unsigned>((bytes - 1) / 16);
  unsigned log = static_cast<unsigned>(std::bit_width(bytes - 1)) - 1;
  return 8 + (log - 7) * 4 + static_cast<unsigned>((bytes - 1) >> (log - 2) & 3);
}

constexpr size_t class_bytes(unsigned size_class) {
  if (size_class < 8) return (size_class + 1) * 16;
  unsigned log = 7 + (size_class - 8) / 4;
  return size_t{5 + (size_class - 8) % 4} << (log - 2);
}

// Units of a heap's spans of a class, `nth` being how many it has taken before. The first one is
// small, since a thousand threads each take one of every class they use; the later ones hold eight
// blocks at least and 64 KiB, so that they are seldom needed.
constexpr size_t class_units(unsigned size_class, unsigned nth) {
  size_t bytes = class_bytes(size_class);
  size_t most = std::max(size_t{64} << 10, std::bit_ceil(bytes) * 8);
  size_t first = std::max(kUnitBytes, std::bit_ceil(bytes * 2));
  return std::min(most, first << std::min(nth, 8u)) / kUnitBytes;
}

static_assert(size_class_of(kSmallBytesMax) == kSizeClasses - 1);
static_assert(class_bytes(kSizeClasses - 1) == kSmallBytesMax);

}  // namespace belay
