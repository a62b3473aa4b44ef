#include "memory/dirty.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>

#include "base/syscall.h"
#include "memory/kernel_abi.h"

namespace belay {

void DirtyTracker::open(bool compare) {
  kind_ = Kind::kCompare;
  reason_ = "";
  pagemap_ = int(sys::call(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (compare) {
    reason_ = "BELAY_TRACKER=compare";
    return;
  }
  uffd_ = int(sys::call(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | kUffdUserModeOnly));
  if (uffd_ < 0) {
    reason_ = "userfaultfd is not permitted";
    return;
  }
  uffdio_api api{.api = UFFD_API, .features = kUffdFeatureWpAsync | kUffdFeatureWpUnpopulated};
  ScanArguments probe{.size = sizeof probe, .return_mask = kPageIsWritten};
  if (sys::call(SYS_ioctl, uffd_, UFFDIO_API, &api) < 0)
    reason_ = "userfaultfd has no asynchronous write-protection (Linux >= 6.7 has)";
  else if (sys::call(SYS_ioctl, pagemap_, kPagemapScan, &probe) < 0)
    reason_ = "/proc/self/pagemap cannot be scanned (Linux >= 6.7, and no change of user id)";
  else
    kind_ = Kind::kUserfault;
  if (kind_ == Kind::kCompare) {
    sys::call(SYS_close, uffd_);
    uffd_ = -1;
  }
}

void DirtyTracker::close() {
  if (uffd_ >= 0) sys::call(SYS_close, uffd_);
  if (pagemap_ >= 0) sys::call(SYS_close, pagemap_);
  uffd_ = pagemap_ = -1;
}

namespace {

bool push(std::span<PageRun> out, size_t* used, uint64_t start, uint64_t end, bool written) {
  if (*used > 0 && out[*used - 1].end() == start && out[*used - 1].written == written) {
    out[*used - 1].page_count += (end - start) / kPageBytes;
    return true;
  }
  if (*used == out.size()) return false;
  out[(*used)++] = {start, (end - start) / kPageBytes, written};
  return true;
}

Status no_room(size_t runs) { return fail(ENOBUFS, "more than {} runs of pages", runs); }

// Calls visit(region), which returns a Status, with all that PAGEMAP_SCAN finds, as many at a time
// as `regions` holds; without any the kernel takes its shortest way.
template <class Visit>
Status walk(int pagemap, ScanArguments what, std::span<ScanRegion> regions, Visit visit) {
  what.size = sizeof what;
  what.vec = reinterpret_cast<uint64_t>(regions.data());
  what.vec_len = regions.size();
  while (what.start < what.end) {
    long n = sys::call(SYS_ioctl, pagemap, kPagemapScan, &what);
    if (n == -EINTR) continue;
    if (n < 0)
      return fail(int(-n), "PAGEMAP_SCAN of {:#x}-{:#x}: {}", what.start, what.end,
                  errno_text(int(-n)));
    for (const ScanRegion& each : regions.first(regions.empty() ? 0 : size_t(n)))
      BELAY_TRY(visit(each));
    if (what.walk_end <= what.start) break;
    what.start = what.walk_end;
  }
  return {};
}

Status push_all(int pagemap, const ScanArguments& what, std::span<ScanRegion> regions,
                std::span<PageRun> out, size_t* used) {
  return walk(pagemap, what, regions, [&](const ScanRegion& each) -> Status {
    if (push(out, used, each.start, each.end, /*written=*/true)) return {};
    return no_room(out.size());
  });
}

}  // namespace

Status DirtyTracker::scan(uint64_t start, uint64_t end, Look look, std::span<PageRun> out,
                          size_t* used) {
  if (kind_ == Kind::kCompare) return scan_pagemap(start, end, /*any_page=*/false, out, used);
  ScanRegion regions[512];
  uint64_t not_ours = kPageIsZero | (look.anonymous ? 0 : kPageIsFile);
  ScanArguments what{
      // Without the second the kernel passes over what is not watched.
      .flags = kScanWpMatching | (look.skip_unwatched ? 0 : kScanCheckWpAsync),
      .start = start,
      .end = end,
      .category_inverted = not_ours,
      .category_mask = not_ours | (look.only_written ? kPageIsWritten : 0),
      .category_anyof_mask = kPageIsPresent | kPageIsSwapped,
      .return_mask = kPageIsWritten,
  };
  return walk(pagemap_, what, regions, [&](const ScanRegion& each) -> Status {
    bool written = (each.categories & kPageIsWritten) != 0;
    if (push(out, used, each.start, each.end, written)) return {};
    return no_room(out.size());
  });
}

Status DirtyTracker::scan_known(uint64_t start, uint64_t end, std::span<PageRun> out,
                                size_t* used) {
  if (kind_ == Kind::kCompare) return scan(start, end, {}, out, used);
  uint64_t clean_from = start;
  ScanRegion regions[512];
  // Exactly this asks for the kernel's shortest way (fs/proc/task_mmu.c, pagemap_scan_pmd_entry).
  ScanArguments written{.flags = kScanWpMatching | kScanCheckWpAsync,
                        .start = start,
                        .end = end,
                        .category_mask = kPageIsWritten,
                        .return_mask = kPageIsWritten};
  BELAY_TRY(walk(pagemap_, written, regions, [&](const ScanRegion& each) -> Status {
    if (each.start > clean_from && !push(out, used, clean_from, each.start, /*written=*/false))
      return no_room(out.size());
    clean_from = each.end;
    return push_present(each.start, each.end, out, used);
  }));
  if (end > clean_from && !push(out, used, clean_from, end, false)) return no_room(out.size());
  return {};
}

// Those of a written range that hold anything, as written; leaves the arming alone.
Status DirtyTracker::push_present(uint64_t start, uint64_t end, std::span<PageRun> out,
                                  size_t* used) {
  ScanRegion regions[64];
  return push_all(pagemap_,
                  {.start = start,
                   .end = end,
                   .category_inverted = kPageIsZero,
                   .category_mask = kPageIsZero,
                   .category_anyof_mask = kPageIsPresent | kPageIsSwapped,
                   .return_mask = kPageIsZero},
                  regions, out, used);
}

bool DirtyTracker::watches(uint64_t address) const {
  ScanRegion region[1];
  ScanArguments look{.flags = kScanCheckWpAsync,
                     .start = page_floor(address),
                     .end = page_floor(address) + kPageBytes,
                     .return_mask = kPageIsWritten};
  return bool(walk(pagemap_, look, region, [](const ScanRegion&) -> Status { return {}; }));
}

Status DirtyTracker::watch(uint64_t start, uint64_t end) {
  if (kind_ == Kind::kCompare) return {};
  uffdio_register request{.range = {start, end - start}, .mode = UFFDIO_REGISTER_MODE_WP};
  long n = sys::call(SYS_ioctl, uffd_, UFFDIO_REGISTER, &request);
  if (n == 0) return {};
  return fail(int(-n), "userfaultfd cannot watch {:#x}-{:#x}: {}{}", start, end,
              errno_text(int(-n)),
              n == -EBUSY ? " (the program has a userfaultfd of its own there)" : "");
}

Status DirtyTracker::arm(uint64_t start, uint64_t end) {
  // With this mask the kernel leaves alone what has no page table yet.
  ScanArguments written{.flags = kScanWpMatching | kScanCheckWpAsync,
                        .start = start,
                        .end = end,
                        .category_mask = kPageIsWritten,
                        .category_anyof_mask = kPageIsPresent | kPageIsSwapped};
  return walk(pagemap_, written, {}, [](const ScanRegion&) -> Status { return {}; });
}

Status DirtyTracker::written(uint64_t start, uint64_t end, std::span<PageRun> out, size_t* used) {
  ScanRegion regions[512];
  return push_all(pagemap_,
                  {.flags = kScanCheckWpAsync,
                   .start = start,
                   .end = end,
                   .category_mask = kPageIsWritten,
                   .return_mask = kPageIsWritten},
                  regions, out, used);
}

Status DirtyTracker::own_pages(uint64_t start, uint64_t end, std::span<PageRun> out, size_t* used) {
  if (kind_ == Kind::kCompare) return scan_pagemap(start, end, /*any_page=*/false, out, used);
  // Unlike reading the pagemap this passes over what has no page table.
  ScanRegion regions[128];
  return push_all(pagemap_,
                  {.start = start,
                   .end = end,
                   .category_inverted = kPageIsFile,
                   .category_mask = kPageIsFile,
                   .category_anyof_mask = kPageIsPresent | kPageIsSwapped,
                   .return_mask = kPageIsFile},
                  regions, out, used);
}

Status DirtyTracker::present(uint64_t start, uint64_t end, std::span<PageRun> out, size_t* used) {
  return scan_pagemap(start, end, /*any_page=*/true, out, used);
}

// pagemap.rst: bit 63 present, 62 swapped, 61 file-mapped or shared.
Status DirtyTracker::scan_pagemap(uint64_t start, uint64_t end, bool any_page,
                                  std::span<PageRun> out, size_t* used) {
  constexpr uint64_t kPresent = uint64_t{3} << 62, kFile = uint64_t{1} << 61;
  uint64_t entries[512];
  while (start < end) {
    size_t want = (end - start) / kPageBytes;
    if (want > 512) want = 512;
    long n = sys::call(SYS_pread64, pagemap_, entries, want * 8, start / kPageBytes * 8);
    if (n <= 0) return fail(n < 0 ? int(-n) : EIO, "cannot read /proc/self/pagemap");
    for (long i = 0; i < n / 8; i++, start += kPageBytes) {
      bool take = (entries[i] & kPresent) != 0 && (any_page || (entries[i] & kFile) == 0);
      if (take && !push(out, used, start, start + kPageBytes, true)) return no_room(out.size());
    }
  }
  return {};
}

}  // namespace belay
