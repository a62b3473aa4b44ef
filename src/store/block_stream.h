// A sequential stream into a file: bytes are gathered in large buffers, which an I/O thread writes
// while the caller fills the next one. Allocates nothing, uses no libc state.
#pragma once

#include <span>

#include "base/os.h"
#include "base/page.h"
#include "base/raw_thread.h"

namespace belay {

// Who writes full buffers: a thread of its own, or the caller (tests, and where threads can't be).
enum class IoMode { kThread, kInline };

class BlockStream {
 public:
  // Four in flight keep the disk busy while the caller is descheduled for a few milliseconds.
  static constexpr size_t kBuffers = 4;
  static constexpr size_t kBufferBytes = 4 << 20;
  static constexpr size_t kMemoryBytes =
      kRawThreadStackBytes + kHugePageBytes + kBuffers * kBufferBytes;

  // `memory`: page-aligned, kMemoryBytes. Starts the thread. Returns 0 or -errno.
  long open(Os& os, std::byte* memory, IoMode mode);
  void close();

  // Directs the stream to `offset` of `fd`. The file is preallocated up to `allocated_end` already
  // and will be in steps of `allocation_step`, so that a sync finds few extents to record.
  void start(int fd, uint64_t offset, uint64_t allocated_end, uint64_t allocation_step);

  // Unlinks `path` (which stays put) when release_spare() says so, or as soon as the disk is full.
  void set_spare(const char* path) { spare_ = path; }
  // On the I/O thread, once everything handed over is written; waits for that, not for the unlink.
  void release_spare();

  // The rest of the current buffer, never empty; waits for one. Then advance() by what was filled.
  std::span<std::byte> room();
  void advance(size_t bytes);
  void put(const void* data, size_t bytes);
  void pad_to_page();

  // Hands over what the current buffer holds (whole pages).
  void flush();
  // Waits until everything handed over is written. Returns 0 or the first -errno since start().
  long drain();
  // The first -errno known so far: lets the caller stop early.
  long error() const { return __atomic_load_n(&error_, __ATOMIC_ACQUIRE); }

  uint64_t offset() const { return offset_; }  // of the next byte
  // After drain(): how far the file reaches, and whether a failed step may have left it longer.
  uint64_t allocated_end() const { return allocated_end_; }
  bool allocation_failed() const { return allocation_failed_; }

 private:
  struct Job {
    uint64_t offset;
    size_t bytes;  // or one of the two below
  };
  static constexpr size_t kStop = 0, kReleaseSpare = 1;
  static void run(void* self);
  long write(const Job& job, const std::byte* data);
  void unlink_spare();
  void submit(Job job);
  void wait_completed(uint32_t count);
  void perform(uint32_t number);
  void preallocate(uint64_t end);

  Os* os_;
  std::byte* buffers_;
  IoMode mode_;
  RawThread thread_;
  int fd_;
  const char* spare_;  // the I/O thread's while jobs are under way
  uint64_t offset_;
  size_t filled_;  // of the current buffer, number submitted_ % kBuffers
  uint64_t allocated_end_;
  uint64_t allocation_step_;  // 0: no more steps
  bool allocation_failed_;
  Job jobs_[kBuffers];
  long error_;
  alignas(64) uint32_t submitted_;  // futex words
  alignas(64) uint32_t completed_;
};

}  // namespace belay
