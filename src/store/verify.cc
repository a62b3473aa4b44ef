// Checking pages against their checksums, on all cores.
#include <errno.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/checksum.h"
#include "base/syscall.h"
#include "store/reader.h"

namespace belay {
namespace {

// A piece stays in the second-level cache between reading and checking. Reading over a few pages
// that don't count any more is cheaper than another system call.
constexpr uint64_t kPieceBytes = 128 * kPageBytes;
constexpr uint64_t kGapBytes = 8 * kPageBytes;
// How far ahead of the threads the kernel is asked to read, and in which steps (it caps each at the
// size of a large request): the pages stay cached for the program. Left alone it often reads 128
// KiB ahead.
constexpr uint64_t kAheadBytes = 16 << 20;
constexpr uint64_t kAheadStepBytes = 2 << 20;

// Pages [first, first + count) of a run.
struct Part {
  const StoredRun* run;
  uint64_t first;
  uint64_t count;
  uint64_t offset() const { return run->file_offset + first * kPageBytes; }
  uint64_t end() const { return offset() + count * kPageBytes; }
};

// Hands out the pages of a checkpoint piece by piece, in the order of the file: scattered
// increments are read as they were written, in sequence.
class Pieces {
 public:
  explicit Pieces(const LoadedCheckpoint& checkpoint) : fd_(checkpoint.fd) {
    runs_.reserve(checkpoint.runs.size());
    for (const auto& run : checkpoint.runs) runs_.push_back(&run);
    std::sort(runs_.begin(), runs_.end(),
              [](auto* a, auto* b) { return a->file_offset < b->file_offset; });
  }

  // Parts that one read of kPieceBytes covers; none at the end.
  void next(std::vector<Part>* parts) {
    std::lock_guard lock(mutex_);
    parts->clear();
    if (run_ < runs_.size()) read_ahead(runs_[run_]->file_offset + page_ * kPageBytes);
    while (run_ < runs_.size()) {
      const StoredRun* run = runs_[run_];
      Part part{run, page_, run->page_count - page_};
      uint64_t begin = parts->empty() ? part.offset() : parts->front().offset();
      if (!parts->empty() && part.offset() > parts->back().end() + kGapBytes) return;
      if (part.offset() >= begin + kPieceBytes) return;
      part.count = std::min(part.count, (begin + kPieceBytes - part.offset()) / kPageBytes);
      parts->push_back(part);
      page_ += part.count;
      if (page_ < run->page_count) return;
      ++run_;
      page_ = 0;
    }
  }

 private:
  // A hint, so it need not go through the seam.
  void read_ahead(uint64_t offset) {
    ahead_ = std::max(ahead_, offset);
    for (; ahead_ < offset + kAheadBytes; ahead_ += kAheadStepBytes)
      sys::call(SYS_readahead, fd_, ahead_, kAheadStepBytes);
  }

  int fd_;
  uint64_t ahead_ = 0;  // asked for up to here
  std::mutex mutex_;
  std::vector<const StoredRun*> runs_;
  size_t run_ = 0;
  uint64_t page_ = 0;
};

Status verify_piece(Os& os, const LoadedCheckpoint& checkpoint, const std::vector<Part>& parts,
                    std::byte* buffer) {
  uint64_t begin = parts.front().offset(), bytes = parts.back().end() - begin;
  long n = os.pread(checkpoint.fd, buffer, bytes, begin);
  if (n < 0)
    return fail(int(-n), "offset {} cannot be read, {}: {}", begin, errno_text(int(-n)),
                checkpoint.info.file);
  if (uint64_t(n) != bytes)
    return fail(EBADMSG, "ends before offset {}: {}", begin + bytes, checkpoint.info.file);
  for (const Part& part : parts)
    BELAY_TRY(verify_run(checkpoint, *part.run, part.first, part.count,
                         buffer + (part.offset() - begin)));
  return {};
}

// What the threads share.
struct Verification {
  Os& os;
  const LoadedCheckpoint& checkpoint;
  Pieces pieces;
  std::atomic<uint64_t> done_pages{0};
  std::mutex mutex{};
  Status status{};
  uint64_t bad_offset = 0;

  // Pieces are handed out in order, and each is finished: none before the first bad one is missed.
  void report(uint64_t offset, Status bad) {
    std::lock_guard lock(mutex);
    if (!status && bad_offset <= offset) return;
    status = std::move(bad);
    bad_offset = offset;
  }

  bool failed() {
    std::lock_guard lock(mutex);
    return !status;
  }

  void work(const std::function<void(uint64_t, uint64_t)>& progress, uint64_t total_pages) {
    std::vector<std::byte> buffer(kPieceBytes);
    std::vector<Part> parts;
    while (!failed()) {
      pieces.next(&parts);
      if (parts.empty()) return;
      auto checked = verify_piece(os, checkpoint, parts, buffer.data());
      if (!checked) report(parts.front().offset(), checked);
      uint64_t count = 0;
      for (const Part& part : parts) count += part.count;
      uint64_t done = done_pages += count;
      if (progress) progress(done * kPageBytes, total_pages * kPageBytes);
    }
  }
};

}  // namespace

Status verify_run(const LoadedCheckpoint& checkpoint, const StoredRun& run, uint64_t first,
                  uint64_t count, const std::byte* data) {
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t page = first + i;
    if (checksum(data + i * kPageBytes, kPageBytes) ==
        checkpoint.checksums[run.checksum_index + page])
      continue;
    return fail(EBADMSG, "page {:#x} is damaged: its checksum differs at offset {} of {}",
                run.address.value + page * kPageBytes, run.file_offset + page * kPageBytes,
                checkpoint.info.file);
  }
  return {};
}

Status verify_pages(Os& os, const LoadedCheckpoint& checkpoint, unsigned threads,
                    const std::function<void(uint64_t, uint64_t)>& progress) {
  uint64_t total_pages = 0;
  for (const auto& run : checkpoint.runs) total_pages += run.page_count;
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  // A thread costs more than checking a few MiB.
  threads = unsigned(std::min<uint64_t>(threads, total_pages / 1024 + 1));

  Verification verification{os, checkpoint, Pieces(checkpoint)};
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < threads; ++i)
    helpers.emplace_back([&] { verification.work({}, total_pages); });
  verification.work(progress, total_pages);
  for (auto& helper : helpers) helper.join();
  if (verification.status && progress) progress(total_pages * kPageBytes, total_pages * kPageBytes);
  return verification.status;
}

}  // namespace belay
