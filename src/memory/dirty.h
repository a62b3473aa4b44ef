// Which pages were written since last asked.
//
// With userfaultfd write-protection in async mode and PAGEMAP_SCAN (Linux >= 6.7) the kernel keeps
// the answer and re-arms in the same walk: 0.4-0.6 ms a clean GiB of 4 KiB pages, 1.0-1.3 µs for
// the first write to a page, no signals, no fault in system calls. Elsewhere, or when
// BELAY_TRACKER=compare asks for it, every page that is present is reported, and the caller
// compares checksums: slower, and right under every kernel, system call and sandbox.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"
#include "base/page.h"

namespace belay {

struct PageRun {
  uint64_t start = 0;
  uint64_t page_count = 0;
  bool written = false;  // since the last scan that re-armed
  uint64_t end() const { return start + page_count * kPageBytes; }
};

class DirtyTracker {
 public:
  enum class Kind { kUserfault, kCompare };

  // Opens what the kernel offers. `compare`: don't try. Never fails: kCompare always works.
  void open(bool compare);
  void close();
  Kind kind() const { return kind_; }
  int uffd() const { return uffd_; }
  int pagemap() const { return pagemap_; }
  // Why it is not kUserfault: a sentence, or "".
  const char* reason() const { return reason_; }

  // Before anything tells which pages of a range are written, it is watched; all of its pages count
  // as written until something arms them. Range: whole mappings, private, as they are now: where
  // another thread has meanwhile made one longer, it is cut in two, and its next mremap(2) fails.
  Status watch(uint64_t start, uint64_t end);
  // Whether the mapping at `address` is; kUserfault only.
  bool watches(uint64_t address) const;

  struct Look {
    // No file is mapped there, which spares the kernel a look at each page's owner (a sixth of the
    // time).
    bool anonymous = true;
    bool only_written = false;
    bool skip_unwatched = false;  // else EPERM
  };
  // Reports the pages of [start, end) that hold contents of the process's own (present or swapped,
  // not a file's, not the shared zero page), in order, into `out` from `*used` on, and from now on
  // those are unwritten. ENOBUFS when `out` is full.
  Status scan(uint64_t start, uint64_t end, Look look, std::span<PageRun> out, size_t* used);

  // The same for anonymous memory that was all reported at the last scan that re-armed, written or
  // not: the kernel then looks for nothing but its write-protection bits, five times as fast. Pages
  // that have gone since count as written to it, and are asked for once more.
  Status scan_known(uint64_t start, uint64_t end, std::span<PageRun> out, size_t* used);

  // The steps of a scan apart, for whoever leaves pages unwatched on purpose; only kUserfault.
  // arm(): all pages are unwritten from now on. written(): those that are not, in order; what was
  // given back is among them, and so are pages that were never there beside others that are. EPERM
  // where nothing watches.
  Status arm(uint64_t start, uint64_t end);
  Status written(uint64_t start, uint64_t end, std::span<PageRun> out, size_t* used);
  // Of anonymous memory or a file's: pages that hold contents of the process's own, as written.
  Status own_pages(uint64_t start, uint64_t end, std::span<PageRun> out, size_t* used);

  // Pages of [start, end) that are mapped now whatever they are (for shared memory).
  Status present(uint64_t start, uint64_t end, std::span<PageRun> out, size_t* used);

 private:
  Status push_present(uint64_t start, uint64_t end, std::span<PageRun> out, size_t* used);
  Status scan_pagemap(uint64_t start, uint64_t end, bool any_page, std::span<PageRun> out,
                      size_t* used);

  Kind kind_ = Kind::kCompare;
  const char* reason_ = "";
  int uffd_ = -1;
  int pagemap_ = -1;
};

}  // namespace belay
