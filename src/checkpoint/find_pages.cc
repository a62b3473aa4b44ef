#include <errno.h>
#include <sys/mman.h>

#include <algorithm>

#include "checkpoint/capture.h"

namespace belay {

Result<MappingUse> mapping_use(const Engine& engine, const Mapping& mapping) {
  std::string_view name = mapping.name();
  if (mapping.start >= engine.zone.start() && mapping.end <= engine.zone.end())
    return MappingUse::kSkip;
  if (name == "[vsyscall]") return MappingUse::kSkip;
  if (name == "[vdso]" || name.starts_with("[vvar")) return MappingUse::kDescribeOnly;
  bool deleted = name.ends_with(" (deleted)");
  if (!mapping.shared) {
    if (mapping.inode == 0 || name == "/dev/zero") return MappingUse::kScan;
    return deleted ? MappingUse::kWhole : MappingUse::kScan;
  }
  if (name == "/dev/zero (deleted)") return MappingUse::kPresent;
  if (name.starts_with("/dev/") || name.starts_with("anon_inode:") || deleted)
    return fail(ENOTSUP,
                "the mapping {:#x}-{:#x} of {} is shared with a device or another "
                "process, which is not captured yet",
                mapping.start, mapping.end, name);
  return MappingUse::kDescribeOnly;
}

namespace {

constexpr uint64_t kKnownRunPages = 1024;  // below, a system call of its own costs more

// Whole mappings side by side are scanned in one walk: most of a library, all thread stacks.
class Scanner {
 public:
  Scanner(Engine& engine, ScanFor what) : engine_(engine), what_(what) {}

  Status add(const Mapping& mapping) {
    BELAY_ASSIGN(MappingUse use, mapping_use(engine_, mapping));
    bool anonymous = mapping.inode == 0;
    if (use == MappingUse::kScan && mapping.start == end_ && anonymous == anonymous_) {
      end_ = mapping.end;
      return {};
    }
    BELAY_TRY(flush());
    switch (use) {
      case MappingUse::kScan:
        start_ = mapping.start;
        end_ = mapping.end;
        anonymous_ = anonymous;
        return {};
      case MappingUse::kWhole:
        if (used_ == engine_.runs.size()) return fail(ENOBUFS, "more than {} runs", used_);
        engine_.runs[used_++] = {mapping.start, mapping.size() / kPageBytes, true};
        return {};
      case MappingUse::kPresent:
        return engine_.tracker.present(mapping.start, mapping.end, engine_.runs, &used_);
      case MappingUse::kSkip:
      case MappingUse::kDescribeOnly:
        return {};
    }
    return {};
  }

  Status flush() {
    uint64_t start = start_, end = end_;
    start_ = end_ = 0;
    if (start == end) return {};
    if (what_ == ScanFor::kPause) BELAY_TRY(engine_.tracker.watch(start, end));
    if (what_ == ScanFor::kPause && anonymous_) return scan_by_knowledge(start, end);
    return scan(start, end);
  }

  size_t used() const { return used_; }

 private:
  Status scan(uint64_t start, uint64_t end) {
    if (start >= end) return {};
    DirtyTracker::Look look{.anonymous = anonymous_,
                            .only_written = what_ == ScanFor::kWritten,
                            .skip_unwatched = what_ != ScanFor::kPause};
    return engine_.tracker.scan(start, end, look, engine_.runs, &used_);
  }

  // What the last checkpoint held in long runs takes the tracker's short way.
  Status scan_by_knowledge(uint64_t start, uint64_t end) {
    auto kept = engine_.kept.first(engine_.kept_count);
    auto run = std::partition_point(kept.begin(), kept.end(),
                                    [&](const PageRun& known) { return known.end() <= start; });
    for (; run != kept.end() && run->start < end; ++run) {
      if (run->page_count < kKnownRunPages) continue;
      uint64_t from = std::max(run->start, start), to = std::min(run->end(), end);
      BELAY_TRY(scan(start, from));
      BELAY_TRY(engine_.tracker.scan_known(from, to, engine_.runs, &used_));
      start = to;
    }
    return scan(start, end);
  }

  Engine& engine_;
  ScanFor what_;
  uint64_t start_ = 0, end_ = 0;
  bool anonymous_ = false;
  size_t used_ = 0;
};

}  // namespace

Result<uint64_t> unwatched_pages(Engine& engine, std::span<const Mapping> mappings) {
  uint64_t pages = 0;
  for (const Mapping& mapping : mappings) {
    BELAY_ASSIGN(MappingUse use, mapping_use(engine, mapping));
    if (use != MappingUse::kScan || engine.tracker.watches(mapping.start)) continue;
    size_t used = 0;
    BELAY_TRY(engine.tracker.own_pages(mapping.start, mapping.end, engine.runs, &used));
    for (const PageRun& run : engine.runs.first(used)) pages += run.page_count;
  }
  return pages;
}

Status watch(Engine& engine, std::span<const Mapping> mappings) {
  for (const Mapping& mapping : mappings) {
    BELAY_ASSIGN(MappingUse use, mapping_use(engine, mapping));
    if (use == MappingUse::kScan) BELAY_TRY(engine.tracker.watch(mapping.start, mapping.end));
  }
  return {};
}

Result<size_t> find_pages(Engine& engine, std::span<const Mapping> mappings, ScanFor what) {
  Scanner scanner(engine, what);
  for (const Mapping& mapping : mappings) BELAY_TRY(scanner.add(mapping));
  BELAY_TRY(scanner.flush());
  return scanner.used();
}

}  // namespace belay
