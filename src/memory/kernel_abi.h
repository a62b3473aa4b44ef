// Constants of Linux 6.7 that Debian 12's headers lack (include/uapi/linux/fs.h and userfaultfd.h).
#pragma once

#include <sys/ioctl.h>

#include <cstdint>

namespace belay {

constexpr uint64_t kPageIsWpAllowed = 1 << 0;
constexpr uint64_t kPageIsWritten = 1 << 1;
constexpr uint64_t kPageIsFile = 1 << 2;
constexpr uint64_t kPageIsPresent = 1 << 3;
constexpr uint64_t kPageIsSwapped = 1 << 4;
constexpr uint64_t kPageIsZero = 1 << 5;

constexpr uint64_t kScanWpMatching = 1 << 0;
constexpr uint64_t kScanCheckWpAsync = 1 << 1;

struct ScanRegion {
  uint64_t start, end, categories;
};

struct ScanArguments {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
static_assert(sizeof(ScanArguments) == 96);
constexpr unsigned long kPagemapScan = _IOWR('f', 16, ScanArguments);

constexpr uint64_t kUffdFeatureWpUnpopulated = 1 << 13;
constexpr uint64_t kUffdFeatureWpAsync = 1 << 15;
constexpr int kUffdUserModeOnly = 1;

}  // namespace belay
