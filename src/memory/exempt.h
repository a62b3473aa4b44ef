// Belay's own memory: one zone of address space that is never captured, never restored. What lives
// there is rebuilt after a restore. Not thread-safe; async-signal-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"

namespace belay {

// Reserved address space, touched as needed: the largest copy of a residue is bounded by it.
constexpr size_t kExemptZoneBytes = size_t{1} << 40;

class ExemptZone {
 public:
  // Reserves the zone, smaller where the address space is limited. Called again after a restore,
  // it starts anew: what was there before belongs to a process that is gone.
  Status reserve();

  // For the next owner: all that has been taken is free, and reads as zeros.
  void clear();

  // Page-aligned zeroed memory until then; empty when the zone is used up.
  std::span<std::byte> take(size_t bytes);
  // The same for `count` items, which are all zeros.
  template <class T>
  std::span<T> take(size_t count) {
    auto bytes = take(count * sizeof(T));
    return {reinterpret_cast<T*>(bytes.data()), bytes.empty() ? 0 : count};
  }

  uint64_t start() const { return start_; }
  uint64_t end() const { return start_ + bytes_; }

 private:
  uint64_t start_ = 0, bytes_ = 0, used_ = 0;
};

}  // namespace belay
