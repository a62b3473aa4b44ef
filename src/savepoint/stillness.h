// Whether memory can have changed at all beside pages that nothing watches, for a few microseconds
// instead of a walk through the page tables (64 µs for 128 MiB). The first write to a watched page
// is a page fault, memory given back leaves fewer resident pages, and what is mapped or protected
// otherwise shows in the list of writable mappings. If all three are as they were, nothing has.
// Async-signal-safe, not thread-safe. In exempt memory.
#pragma once

#include <cstdint>
#include <span>

#include "memory/exempt.h"

namespace belay {

class Stillness {
 public:
  // Finds out whether this kernel
  // counts resident pages exactly (Linux 6.16); where not, nothing ever counts as still.
  bool open(ExemptZone& zone);
  void close();
  std::span<const int> descriptors() const { return fds_; }

  enum class Verdict { kStill, kPagesMayDiffer, kMappingsMayDiffer };
  // From here on, until it says no or is told to end. `since`: what may have changed since look()
  // at worst; what can't have is not asked for once more.
  void begin(Verdict since);
  void end() { begun_ = false; }
  Verdict look();

 private:
  struct Writable {
    uint64_t start = 0, end = 0, flags = 0;
  };
  struct Counts {
    uint64_t faults = 0, mapped = 0, resident = 0;
    bool operator==(const Counts&) const = default;
  };
  bool read_counts(Counts* out) const;
  bool counts_exactly(ExemptZone& zone) const;
  // Calls visit(index, mapping) until it says false; false as well if the kernel can't be asked.
  template <class Visit>
  bool each_writable(Visit visit) const;

  int fds_[2] = {-1, -1};                 // /proc/self/statm and maps
  uint64_t own_start_ = 0, own_end_ = 0;  // the zone, whose pieces don't matter
  bool works_ = false;
  bool begun_ = false;
  Counts counts_;
  std::span<Writable> writable_;
};

}  // namespace belay
