// Pages, and addresses of another process's image.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace belay {

constexpr size_t kPageBytes = 4096;
constexpr size_t kHugePageBytes = 2 << 20;

constexpr uint64_t page_floor(uint64_t n) { return n & ~uint64_t{kPageBytes - 1}; }
constexpr uint64_t page_ceil(uint64_t n) { return page_floor(n + kPageBytes - 1); }

// An address in a captured process. Not a pointer: in the process that reads an image something
// else may live there. live() is for the process whose memory it is.
struct ImageAddress {
  uint64_t value = 0;

  template <class T>
  static ImageAddress of(const T* pointer) {
    return {reinterpret_cast<uint64_t>(pointer)};
  }
  std::byte* live() const { return reinterpret_cast<std::byte*>(value); }
  ImageAddress operator+(uint64_t bytes) const { return {value + bytes}; }
  auto operator<=>(const ImageAddress&) const = default;
};

}  // namespace belay
