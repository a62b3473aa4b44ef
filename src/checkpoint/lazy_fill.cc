#include "checkpoint/lazy_fill.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <span>

#include "base/checksum.h"
#include "base/log.h"
#include "base/raw_thread.h"
#include "base/syscall.h"
#include "heap/heap.h"

namespace belay {
namespace {

// What is read and verified at once: on a grid, so that little is read twice.
constexpr uint64_t kBlockBytes = 256 << 10;
// Below, reading it before the start takes less than watching it.
constexpr uint64_t kLazyBytesMin = 1 << 20;
constexpr uint64_t kPartsMax =
    16'384;  // into which the program may have cut its mappings meanwhile

// Captured as 0; a restored process sets it while it fills (futex word).
uint32_t g_filling;

[[noreturn]] void stop_process(const char* why, uint64_t address) {
  log(LogLevel::kError,
      "restoring {:#x}: {}; restore an older checkpoint: BELAY_VERIFY=ahead "
      "finds it",
      address, why);
  for (;;) sys::call(SYS_exit_group, 65);  // EX_DATAERR
}

uint64_t end_of(const StoredRun& run) { return run.address.value + run.page_count * kPageBytes; }
uint64_t grid_floor(uint64_t address) { return address & ~(kBlockBytes - 1); }

// Fills the ranges of one restore. In exempt memory; used by its thread only.
class Filler {
 public:
  Filler(const LazyFill& fill, int store_fd, ExemptZone& zone);
  long start(ExemptZone& zone);
  void join() { join_raw_thread(&thread_); }

 private:
  // A page that needs nothing any more: filled, or given up by the program since.
  bool is_done(uint64_t page) const { return (done_[page / 64] >> page % 64 & 1) != 0; }
  void set_done(uint64_t page) { done_[page / 64] |= uint64_t{1} << page % 64; }
  uint64_t page_index(const StoredRun& run, uint64_t address) const {
    return first_page_[&run - fill_.runs] + (address - run.address.value) / kPageBytes;
  }
  const StoredRun* first_run_after(uint64_t address) const;
  const StoredRun* end_of_runs() const { return fill_.runs + fill_.run_count; }
  bool next_gap(const StoredRun& run, uint64_t* from, uint64_t* to) const;

  void fill_everything();
  void fill(const StoredRun& run, uint64_t address);
  void place(const StoredRun& run, uint64_t from, uint64_t to);
  void serve(uint64_t address);
  void note(const uffd_msg& change);
  void take_messages(void (Filler::*on_fault)(uint64_t));
  void ask_again(uint64_t address);
  void forget(uint64_t start, uint64_t end);

  LazyFill fill_;
  int store_fd_;
  ImagePlaces places_;
  std::byte* buffer_;     // kBlockBytes
  uint64_t* first_page_;  // of each run, in `done_`
  uint64_t* done_;        // a bit a page
  RawThread thread_;
};
Filler* g_filler;

Filler::Filler(const LazyFill& fill, int store_fd, ExemptZone& zone)
    : fill_(fill), store_fd_(store_fd), buffer_(zone.take(kBlockBytes).data()) {
  first_page_ = zone.take<uint64_t>(fill.run_count).data();
  uint64_t pages = 0;
  for (uint64_t i = 0; i < fill.run_count; i++) {
    first_page_[i] = pages;
    pages += fill.runs[i].page_count;
  }
  done_ = zone.take<uint64_t>((pages + 63) / 64).data();
  places_.open(zone.take<ImagePlaces::Part>(fill.range_count + kPartsMax),
               {fill.ranges, fill.range_count});
}

long Filler::start(ExemptZone& zone) {
  return start_raw_thread(
      &thread_, zone.take(kRawThreadStackBytes).data(),
      [](void* self) { static_cast<Filler*>(self)->fill_everything(); }, this);
}

// The run that holds `address`, or the next one; the end if there is none.
const StoredRun* Filler::first_run_after(uint64_t address) const {
  return std::partition_point(fill_.runs, end_of_runs(),
                              [&](const StoredRun& run) { return end_of(run) <= address; });
}

// Narrows [*from, *to) to its first stretch of pages that are not done; false if there is none.
bool Filler::next_gap(const StoredRun& run, uint64_t* from, uint64_t* to) const {
  while (*from < *to && is_done(page_index(run, *from))) *from += kPageBytes;
  uint64_t end = *from;
  while (end < *to && !is_done(page_index(run, end))) end += kPageBytes;
  *to = end;
  return *from < end;
}

// Brings in what is not done of the block that holds `address`, an address in the image.
void Filler::fill(const StoredRun& run, uint64_t address) {
  uint64_t grid = grid_floor(address);
  uint64_t from = std::max(grid, run.address.value);
  uint64_t to = std::min(grid + kBlockBytes, end_of(run)), gap_end = to;
  if (!next_gap(run, &from, &gap_end)) return;
  uint64_t into = from - run.address.value;
  long n = sys::call(SYS_pread64, store_fd_, buffer_, to - from, run.file_offset + into);
  if (n != long(to - from)) stop_process("the store cannot be read", from);
  const uint64_t* sums = fill_.checksums + run.checksum_index + into / kPageBytes;
  for (uint64_t at = 0; at < to - from; at += kPageBytes)
    if (checksum(buffer_ + at, kPageBytes) != sums[at / kPageBytes])
      stop_process("a block of the checkpoint is damaged", from + at);
  place(run, from, to);
}

// Gives the program the pages [from, to) of the image, which are in the buffer, wherever they lie
// by now.
void Filler::place(const StoredRun& run, uint64_t from, uint64_t to) {
  bool singly = false;  // a mapping of the program's ends within
  uint64_t at = from, end = to;
  for (; next_gap(run, &at, &end); end = to) {
    const ImagePlaces::Part& part = places_.holding(at);
    uint64_t bytes = singly ? kPageBytes : std::min(end, part.end) - at;
    uint64_t buffered = reinterpret_cast<uint64_t>(buffer_) + (at - from);
    uffdio_copy copy{part.now + (at - part.start), buffered, bytes, 0, 0};
    sys::call(SYS_ioctl, fill_.uffd, UFFDIO_COPY, &copy);
    for (int64_t done = 0; done < copy.copy; done += kPageBytes, at += kPageBytes)
      set_done(page_index(run, at));
    if (copy.copy > 0) continue;
    bool unlike = copy.copy == -ENOENT || copy.copy == -EINVAL || copy.copy == -EEXIST;
    if (copy.copy == -EAGAIN)  // the program is changing its mappings, and waits for us to know
      take_messages(&Filler::ask_again);
    else if (unlike && bytes > kPageBytes)
      singly = true;
    else if (unlike)
      set_done(page_index(run, at));  // there already, or not the program's any more
    else
      stop_process(errno_text(int(-copy.copy)), at);
  }
}

// Somebody waits for the page at `address`.
void Filler::serve(uint64_t address) {
  uint64_t page = page_floor(address);
  const ImagePlaces::Part* part = places_.at(page);
  uint64_t image = part != nullptr ? part->start + (page - part->now) : 0;
  const StoredRun* run = part != nullptr ? first_run_after(image) : end_of_runs();
  if (run != end_of_runs() && run->address.value <= image && !is_done(page_index(*run, image))) {
    fill(*run, image);
  } else {
    uffdio_zeropage zero{{page, kPageBytes}, 0, 0};
    sys::call(SYS_ioctl, fill_.uffd, UFFDIO_ZEROPAGE, &zero);
  }
  ask_again(address);  // two may have waited for the same page: the second finds it there
}

void Filler::ask_again(uint64_t address) {
  uffdio_range range{page_floor(address), kPageBytes};
  sys::call(SYS_ioctl, fill_.uffd, UFFDIO_WAKE, &range);
}

// [start, end), as addresses are now, is not ours to fill any more.
void Filler::forget(uint64_t start, uint64_t end) {
  places_.for_each_in(start, end, [&](uint64_t from, uint64_t to) {
    for (const StoredRun* run = first_run_after(from);
         run != end_of_runs() && run->address.value < to; ++run)
      for (uint64_t at = std::max(from, run->address.value); at < std::min(to, end_of(*run));
           at += kPageBytes)
        set_done(page_index(*run, at));
  });
}

// The program waits until it has been read; what it does, it does then.
void Filler::note(const uffd_msg& change) {
  bool room = true;
  if (change.event == UFFD_EVENT_REMOVE || change.event == UFFD_EVENT_UNMAP)
    forget(change.arg.remove.start, change.arg.remove.end);
  if (change.event == UFFD_EVENT_UNMAP)
    room = places_.unmap(change.arg.remove.start, change.arg.remove.end);
  if (change.event == UFFD_EVENT_REMAP)
    room = places_.move(change.arg.remap.from, change.arg.remap.to, change.arg.remap.len);
  if (!room) stop_process("the program has moved too many mappings", change.arg.remap.from);
}

void Filler::take_messages(void (Filler::*on_fault)(uint64_t)) {
  uffd_msg message;
  while (sys::call(SYS_read, fill_.uffd, &message, sizeof message) == long(sizeof message)) {
    if (message.event == UFFD_EVENT_PAGEFAULT)
      (this->*on_fault)(message.arg.pagefault.address);
    else
      note(message);
  }
}

void Filler::fill_everything() {
  for (const StoredRun* run = fill_.runs; run != end_of_runs(); ++run) {
    for (uint64_t at = run->address.value; at < end_of(*run); at = grid_floor(at) + kBlockBytes) {
      take_messages(&Filler::serve);
      fill(*run, at);
    }
  }
  sys::call(SYS_close, fill_.uffd);  // wakes whoever still waits
  sys::call(SYS_close, store_fd_);
}

}  // namespace

int open_lazy_fill() {
  auto fd = int(sys::call(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
  if (fd < 0) return -1;
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP;
  if (sys::call(SYS_ioctl, fd, UFFDIO_API, &api) == 0) return fd;
  sys::call(SYS_close, fd);
  return -1;
}

uffdio_register lazy_registration(const AddressRange& range) {
  return {.range = {range.start, range.end - range.start}, .mode = UFFDIO_REGISTER_MODE_MISSING};
}

std::vector<AddressRange> lazy_ranges(const Description& description) {
  std::vector<AddressRange> ranges;
  HeapRange kept = exempt_range();  // of a living process: it is not restored
  uint64_t file_end = 0;  // what follows a file is a library's data, Belay's own among them
  description.for_each<MappingRecord>(RecordKind::kMapping, [&](const MappingRecord& mapping) {
    bool data = mapping.start.value == file_end;
    if (mapping.kind == MappingKind::kPrivateFile) file_end = mapping.end.value;
    if (mapping.kind != MappingKind::kAnonymous || data || mapping.size() < kLazyBytesMin) return;
    if (mapping.start.value >= kept.begin && mapping.end.value <= kept.end) return;
    if ((mapping.protection & PROT_WRITE) == 0 || (mapping.flags & kMappingGrowsDown) != 0) return;
    ranges.push_back({mapping.start.value, mapping.end.value});
  });
  return ranges;
}

bool is_among(const std::vector<AddressRange>& ranges, const MappingRecord& mapping) {
  for (const AddressRange& range : ranges)
    if (range.start == mapping.start.value) return true;
  return false;
}

void keep_eager(const Description& description, std::vector<StoredRun>* runs) {
  for (const AddressRange& range : lazy_ranges(description))
    std::erase_if(*runs, [&](const StoredRun& run) {
      return run.address.value >= range.start && end_of(run) <= range.end;
    });
}

LazyPlan make_lazy_plan(const Description& description, const LoadedCheckpoint& checkpoint) {
  LazyPlan plan;
  plan.ranges = lazy_ranges(description);
  plan.checksums = checkpoint.checksums.data();
  plan.checksum_count = checkpoint.checksums.size();
  for (const AddressRange& range : plan.ranges) {
    for (const StoredRun& run : checkpoint.runs) {
      uint64_t start = std::max(run.address.value, range.start);
      uint64_t end = std::min(end_of(run), range.end);
      if (start >= end) continue;
      uint64_t skipped = start - run.address.value;
      plan.runs.push_back({{start},
                           (end - start) / kPageBytes,
                           run.file_offset + skipped,
                           run.checksum_index + skipped / kPageBytes});
    }
  }
  return plan;
}

void begin_lazy_fill(const LazyFill& fill, int store_fd, ExemptZone& zone) {
  g_filler = new (zone.take(sizeof(Filler)).data()) Filler(fill, store_fd, zone);
  __atomic_store_n(&g_filling, 1, __ATOMIC_RELEASE);
  if (g_filler->start(zone) < 0) stop_process("no thread to fill memory with", 0);
}

void finish_lazy_fill() {
  if (g_filler == nullptr) return;
  g_filler->join();
  g_filler = nullptr;
  __atomic_store_n(&g_filling, 0, __ATOMIC_RELEASE);
  sys::futex_wake(&g_filling);
}

void wait_for_lazy_fill() {
  while (__atomic_load_n(&g_filling, __ATOMIC_ACQUIRE) != 0) sys::futex_wait(&g_filling, 1);
}

}  // namespace belay
