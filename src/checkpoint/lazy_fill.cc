#include "checkpoint/lazy_fill.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>

#include "base/checksum.h"
#include "base/log.h"
#include "base/raw_thread.h"
#include "base/syscall.h"
#include "heap/heap.h"

namespace belay {
namespace {

// What is read, verified and put in place at once: on a grid, so that nothing is brought in twice.
constexpr uint64_t kBlockBytes = 256 << 10;

// Captured as 0; a restored process sets it while it fills (futex word).
uint32_t g_filling;

// In exempt memory.
struct Filler {
  LazyFill fill;
  int uffd, store_fd;
  std::byte* buffer;      // kBlockBytes
  uint64_t* first_block;  // of each run, in `filled`
  uint8_t* filled;
  RawThread thread;
};
Filler* g_filler;

[[noreturn]] void stop_process(const char* why, uint64_t address) {
  log(LogLevel::kError,
      "restoring {:#x}: {}; restore an older checkpoint: BELAY_VERIFY=ahead "
      "finds it",
      address, why);
  for (;;) sys::call(SYS_exit_group, 65);  // EX_DATAERR
}

// The run that holds `address`, or the next one; the end if there is none.
const StoredRun* find_run(const LazyFill& fill, uint64_t address) {
  return std::partition_point(fill.runs, fill.runs + fill.run_count, [&](const StoredRun& run) {
    return run.address.value + run.page_count * kPageBytes <= address;
  });
}

uint64_t end_of(const StoredRun& run) { return run.address.value + run.page_count * kPageBytes; }
uint64_t grid_floor(uint64_t address) { return address & ~(kBlockBytes - 1); }
uint64_t blocks_of(const StoredRun& run) {
  return (grid_floor(end_of(run) - 1) - grid_floor(run.address.value)) / kBlockBytes + 1;
}

void place(const Filler& filler, uint64_t address, uint64_t bytes) {
  for (uint64_t done = 0; done < bytes;) {
    uffdio_copy copy{address + done, reinterpret_cast<uint64_t>(filler.buffer) + done, bytes - done,
                     0, 0};
    sys::call(SYS_ioctl, filler.uffd, UFFDIO_COPY, &copy);
    if (copy.copy > 0)
      done += uint64_t(copy.copy);
    else if (copy.copy != -EAGAIN)
      stop_process(errno_text(int(-copy.copy)), address + done);
  }
}

// The part of `run` on grid block `index` of it.
void fill_block(Filler& filler, const StoredRun& run, uint64_t index) {
  uint8_t& filled = filler.filled[filler.first_block[&run - filler.fill.runs] + index];
  if (filled != 0) return;
  filled = 1;
  uint64_t grid = grid_floor(run.address.value) + index * kBlockBytes;
  uint64_t address = std::max(grid, run.address.value);
  uint64_t bytes = std::min(grid + kBlockBytes, end_of(run)) - address;
  uint64_t into = address - run.address.value;
  long n = sys::call(SYS_pread64, filler.store_fd, filler.buffer, bytes, run.file_offset + into);
  if (n != long(bytes)) stop_process("the store cannot be read", address);
  const uint64_t* sums = filler.fill.checksums + run.checksum_index + into / kPageBytes;
  for (uint64_t at = 0; at < bytes; at += kPageBytes)
    if (checksum(filler.buffer + at, kPageBytes) != sums[at / kPageBytes])
      stop_process("a block of the checkpoint is damaged", address + at);
  place(filler, address, bytes);
}

// Somebody waits for the page at `address`.
void serve(Filler& filler, uint64_t address) {
  const StoredRun* run = find_run(filler.fill, address);
  if (run != filler.fill.runs + filler.fill.run_count && run->address.value <= address) {
    fill_block(filler, *run, (address - grid_floor(run->address.value)) / kBlockBytes);
  } else {
    uffdio_zeropage zero{{page_floor(address), kPageBytes}, 0, 0};
    sys::call(SYS_ioctl, filler.uffd, UFFDIO_ZEROPAGE, &zero);
  }
  // Two may have waited for the same page: the second finds it there.
  uffdio_range range{page_floor(address), kPageBytes};
  sys::call(SYS_ioctl, filler.uffd, UFFDIO_WAKE, &range);
}

void serve_faults(Filler& filler) {
  uffd_msg message;
  while (sys::call(SYS_read, filler.uffd, &message, sizeof message) == long(sizeof message))
    if (message.event == UFFD_EVENT_PAGEFAULT) serve(filler, message.arg.pagefault.address);
}

void fill_everything(Filler& filler) {
  for (uint64_t i = 0; i < filler.fill.run_count; i++) {
    const StoredRun& run = filler.fill.runs[i];
    for (uint64_t block = 0; block < blocks_of(run); block++) {
      serve_faults(filler);
      fill_block(filler, run, block);
    }
  }
  serve_faults(filler);
  for (uint64_t i = 0; i < filler.fill.range_count; i++) {
    uffdio_range range{filler.fill.ranges[i].start,
                       filler.fill.ranges[i].end - filler.fill.ranges[i].start};
    sys::call(SYS_ioctl, filler.uffd, UFFDIO_UNREGISTER, &range);  // wakes whoever still waits
  }
}

}  // namespace

int open_lazy_fill() {
  auto fd = int(sys::call(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
  if (fd < 0) return -1;
  uffdio_api api{.api = UFFD_API, .features = 0};
  if (sys::call(SYS_ioctl, fd, UFFDIO_API, &api) == 0) return fd;
  sys::call(SYS_close, fd);
  return -1;
}

uffdio_register lazy_registration(const AddressRange& range) {
  return {.range = {range.start, range.end - range.start}, .mode = UFFDIO_REGISTER_MODE_MISSING};
}

bool is_lazy(const MappingRecord& mapping) {
  return mapping.kind == MappingKind::kAnonymous && (mapping.flags & kMappingHugePages) != 0 &&
         (mapping.protection & PROT_WRITE) != 0;
}

void keep_eager(const Description& description, std::vector<StoredRun>* runs) {
  description.for_each<MappingRecord>(RecordKind::kMapping, [&](const MappingRecord& mapping) {
    if (!is_lazy(mapping)) return;
    std::erase_if(*runs, [&](const StoredRun& run) {
      return run.address.value >= mapping.start.value && end_of(run) <= mapping.end.value;
    });
  });
}

LazyPlan make_lazy_plan(const Description& description, const LoadedCheckpoint& checkpoint) {
  LazyPlan plan;
  plan.checksums = checkpoint.checksums.data();
  plan.checksum_count = checkpoint.checksums.size();
  description.for_each<MappingRecord>(RecordKind::kMapping, [&](const MappingRecord& mapping) {
    if (!is_lazy(mapping)) return;
    plan.ranges.push_back({mapping.start.value, mapping.end.value});
    for (const StoredRun& run : checkpoint.runs) {
      uint64_t start = std::max(run.address.value, mapping.start.value);
      uint64_t end = std::min(run.address.value + run.page_count * kPageBytes, mapping.end.value);
      if (start >= end) continue;
      uint64_t skipped = start - run.address.value;
      plan.runs.push_back({{start},
                           (end - start) / kPageBytes,
                           run.file_offset + skipped,
                           run.checksum_index + skipped / kPageBytes});
    }
  });
  return plan;
}

void begin_lazy_fill(const LazyFill& fill, int store_fd, ExemptZone& zone) {
  auto* filler = reinterpret_cast<Filler*>(zone.take(sizeof(Filler)).data());
  filler->fill = fill;
  filler->store_fd = store_fd;
  filler->buffer = zone.take(kBlockBytes).data();
  filler->first_block = reinterpret_cast<uint64_t*>(zone.take(fill.run_count * 8).data());
  uint64_t blocks = 0;
  for (uint64_t i = 0; i < fill.run_count; i++) {
    filler->first_block[i] = blocks;
    blocks += blocks_of(fill.runs[i]);
  }
  filler->filled = reinterpret_cast<uint8_t*>(zone.take(blocks).data());
  filler->uffd = fill.uffd;
  __atomic_store_n(&g_filling, 1, __ATOMIC_RELEASE);
  heap_hold_memory(true);
  g_filler = filler;
  auto stack = zone.take(kRawThreadStackBytes);
  long result = start_raw_thread(
      &filler->thread, stack.data(),
      [](void* argument) { fill_everything(*static_cast<Filler*>(argument)); }, filler);
  if (result < 0) stop_process("no thread to fill memory with", 0);
}

void finish_lazy_fill() {
  Filler* filler = g_filler;
  if (filler == nullptr) return;
  join_raw_thread(&filler->thread);
  sys::call(SYS_close, filler->uffd);
  sys::call(SYS_close, filler->store_fd);
  g_filler = nullptr;
  heap_hold_memory(false);
  __atomic_store_n(&g_filling, 0, __ATOMIC_RELEASE);
  sys::futex_wake(&g_filling);
}

void wait_for_lazy_fill() {
  while (__atomic_load_n(&g_filling, __ATOMIC_ACQUIRE) != 0) sys::futex_wait(&g_filling, 1);
}

}  // namespace belay
