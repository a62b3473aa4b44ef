// An arena: units, the heaps of its threads, and the spans that ended threads left behind.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "heap/local_heap.h"
#include "heap/runs.h"

namespace belay {

struct ArenaStats {
  size_t reserved_bytes = 0;
  size_t committed_bytes = 0;
  size_t allocated_bytes = 0;
  uint64_t allocations = 0;
};

class Arena {
 public:
  constexpr Arena() { orphans_.attach(this); }

  // Reserves the address space, once.
  Status open(uintptr_t base, size_t bytes_max);
  bool ready() const { return runs_.ready(); }
  Runs& runs() { return runs_; }

  // A heap for the calling thread, null without memory; and back when the thread ends.
  LocalHeap* acquire_heap();
  void release_heap(LocalHeap* heap);

  // All of these set no errno and return null when there is no memory. `heap` is the caller's.
  void* allocate(LocalHeap& heap, size_t bytes, bool zeroed);
  void* allocate_aligned(LocalHeap& heap, size_t alignment, size_t bytes);
  void* reallocate(LocalHeap& heap, void* block, size_t bytes);
  // BELAY_CHECKs that the pointer is one of this arena's blocks, as far as that is cheap.
  void free(LocalHeap& heap, void* block);
  size_t usable_bytes(const void* block) const;

  // For a LocalHeap that needs a span: one left by an ended thread, now its own, or null.
  Span* take_orphan(unsigned size_class, LocalHeap& heir);

  // Exact when no other thread allocates; blocks on their way to a living owner count as live.
  ArenaStats stats();

  // Around fork(2).
  void lock_all();
  void unlock_all();
  void reset_locks();

 private:
  void* allocate_large(LocalHeap& heap, size_t bytes, bool zeroed, Fit fit, size_t align_units);
  bool resize_large(Span* span, size_t bytes);
  void collect(LocalHeap* heap);
  void tend_orphans();

  Runs runs_;
  FutexLock heaps_lock_;  // taken before runs_'s
  LocalHeap* idle_ = nullptr;
  LocalHeap orphans_;
  std::atomic<uint32_t> orphans_of_[kSizeClasses] = {};  // a hint, read without the lock
};

}  // namespace belay
