// XXH3, 64 bits: > 12 GB/s here, so that no block goes without. Header-only, no memory, no TLS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#define XXH_INLINE_ALL 1
#include <xxhash.h>

namespace belay {

inline uint64_t checksum(const void* data, size_t bytes) { return XXH3_64bits(data, bytes); }
inline uint64_t checksum(std::span<const std::byte> data) {
  return checksum(data.data(), data.size());
}

}  // namespace belay
