// Restoring memory when it is touched: the process runs at once, and a thread of Belay's fills its
// large anonymous mappings behind it, first where somebody waits. Every block is verified before it
// is seen. What the program moves, unmaps or gives back meanwhile is followed; fork() waits.
//
// The kernel must let us handle its own faults there, so that a read(2) into the heap works: root,
// or vm.unprivileged_userfaultfd=1.
#pragma once

#include <linux/userfaultfd.h>

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "checkpoint/image_places.h"
#include "image/description.h"
#include "memory/exempt.h"
#include "store/reader.h"

namespace belay {

// In the restorer's block: what the restored process is told.
struct LazyFill {
  const StoredRun* runs;  // sorted
  uint64_t run_count;
  const uint64_t* checksums;
  const AddressRange* ranges;
  uint64_t range_count;
  int uffd;
};

struct LazyPlan {
  std::vector<StoredRun> runs;
  std::vector<AddressRange> ranges;
  const uint64_t* checksums = nullptr;
  size_t checksum_count = 0;
};

// A userfaultfd of this process, whose memory is about to become the image's; -1 where the kernel
// does not let us handle its own faults. What lazy_registration() describes is registered before
// any restored thread runs: their stacks may lie there.
int open_lazy_fill();
uffdio_register lazy_registration(const AddressRange& range);
// The mappings that are filled when touched, in order.
std::vector<AddressRange> lazy_ranges(const Description& description);
bool is_among(const std::vector<AddressRange>& ranges, const MappingRecord& mapping);
// Takes out the runs that lie in such memory.
void keep_eager(const Description& description, std::vector<StoredRun>* runs);
LazyPlan make_lazy_plan(const Description& description, const LoadedCheckpoint& checkpoint);

// In the restored process: before anything of its memory is touched but the data of libraries, and
// when all threads run (returns when everything is filled). Errors end the process, for the
// supervisor to see: a damaged block is never computed on.
void begin_lazy_fill(const LazyFill& fill, int store_fd, ExemptZone& zone);
void finish_lazy_fill();

// For fork(): waits until everything is filled.
void wait_for_lazy_fill();

}  // namespace belay
