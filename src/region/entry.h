// The undo log's format: what compiled code appends (src/compiler/lower_logs.cc) and undo.cc reads,
// from its end to its beginning. An entry ends with 16 bytes:
//
//     8 bytes   the old value, or the number of bytes of a block
//     8 bytes   the address, and in its top byte how to read it (kBlock, kSkip, or the width 1 to
//     8)
//
// A block's old bytes come before, padded to 16. User addresses leave the top byte free on x86-64
// (57 bits) and on AArch64 (52).
#pragma once

#include <cstddef>
#include <cstdint>

namespace belay::region {

struct Entry {
  uint64_t value;
  uint64_t tag;
};
static_assert(sizeof(Entry) == 16);

constexpr int kKindShift = 56;
constexpr uint64_t kAddressMask = (uint64_t{1} << kKindShift) - 1;
constexpr uint64_t kBlock = 0;
constexpr uint64_t kSkip = 0xff;  // a block that stays as it is

inline uint64_t make_tag(const volatile void* address, uint64_t kind) {
  return reinterpret_cast<uint64_t>(address) | kind << kKindShift;
}
constexpr size_t payload_bytes(uint64_t bytes) { return (bytes + 15) & ~uint64_t{15}; }

}  // namespace belay::region
