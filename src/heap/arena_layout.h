// Where the arenas are. The addresses are fixed, so that pointers into them mean the same in every
// process, and far from what the kernel hands out by itself (top of the 47-bit space) and from
// executables (0x55..).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/page.h"

namespace belay {

#if defined(__SANITIZE_THREAD__)
// ThreadSanitizer has shadow for 0x7e80'0000'0000 and above only.
constexpr uintptr_t kMainArenaBase = 0x7e90'0000'0000;
constexpr uintptr_t kExemptArenaBase = 0x7ec0'0000'0000;
#else
constexpr uintptr_t kMainArenaBase = 0x2000'0000'0000;
constexpr uintptr_t kExemptArenaBase = 0x2800'0000'0000;
#endif

constexpr size_t kHeapBytesDefault = size_t{64} << 30;
constexpr size_t kHeapBytesLeast = size_t{1} << 20;
// What fits between the two arenas with room to spare.
constexpr size_t kHeapBytesMost = (kExemptArenaBase - kMainArenaBase) / 2;
constexpr size_t kExemptBytesDefault = size_t{16} << 30;

// The grain in which an arena is parcelled out.
constexpr size_t kUnitShift = 14;
constexpr size_t kUnitBytes = size_t{1} << kUnitShift;

}  // namespace belay
