// The units of one arena: runs of them are handed out, coalesced when they come back, and their
// memory is given back to the system when much of it lies idle.
//
// Free runs are kept by length in bins (two-level segregated fit: Masmano et al., ECRTS 2004), so
// that both ways take constant time. Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "heap/arena_layout.h"
#include "heap/futex_lock.h"
#include "heap/span.h"

namespace belay {

class LocalHeap;

// Where to take a run from.
enum class Fit {
  kBest,   // the smallest free run that holds it
  kRoomy,  // in the middle of free space: a block that has grown once will grow again
};

class Runs {
 public:
  constexpr Runs() = default;

  // Reserves address space at `base` for bytes_max of blocks and the tables. What the kernel
  // refuses is tried again in half the size (RLIMIT_AS, overcommit_memory=2).
  Status reserve(uintptr_t base, size_t bytes_max);
  bool ready() const { return unit_count_.load(std::memory_order_acquire) != 0; }

  // A run of `units`, its first unit at a multiple of align_units; null when there is none.
  // Set up: units, back and state, in the first unit (kSmall: in all of them).
  Span* allocate(size_t units, SpanState state, Fit fit = Fit::kBest, size_t align_units = 1);
  void release(Span* span);
  bool grow(Span* span, size_t units);
  void shrink(Span* span, size_t units);

  // To be called once after allocate() and before memory of the run is touched, on units
  // [first, last) of it. Returns true when all of it was zero, or has been made so.
  bool claim(Span* span, size_t first, size_t last, bool make_zero);

  // The unit of an address, kNoUnit outside the arena.
  static constexpr size_t kNoUnit = SIZE_MAX;
  size_t unit_of(const void* address) const {
    // The count first: it is published last, and while it is 0 nothing is a unit.
    size_t count = unit_count_.load(std::memory_order_acquire);
    size_t unit =
        (reinterpret_cast<uintptr_t>(address) - blocks_.load(std::memory_order_relaxed)) >>
        kUnitShift;
    return unit < count ? unit : kNoUnit;
  }
  Span* head_of(size_t unit) const { return spans_ + unit - spans_[unit].back; }
  size_t index_of(const Span* span) const { return static_cast<size_t>(span - spans_); }
  std::byte* start_of(const Span* span) const {
    return reinterpret_cast<std::byte*>(blocks_ + (index_of(span) << kUnitShift));
  }
  // Who takes back the blocks of a unit: a LocalHeap and tag bits; 0 for a unit that is not out.
  std::atomic<uintptr_t>& owner(size_t unit) const { return owners_[unit]; }

  void set_limit(size_t bytes) { limit_units_ = bytes >> kUnitShift; }
  size_t limit_bytes() const { return limit_units_ << kUnitShift; }
  size_t reserved_bytes() const { return unit_count_.load() << kUnitShift; }
  size_t committed_bytes() const { return dirty_units_.load() << kUnitShift; }
  uintptr_t begin() const { return base_; }
  uintptr_t end() const { return blocks_ + reserved_bytes(); }

  // Calls visit(const Span&) for every run that is out, while none comes or goes.
  template <class Visit>
  void for_each_used(Visit visit) {
    FutexGuard guard(lock_);
    for (size_t unit = 0; unit < unit_count_; unit += spans_[unit].units)
      if (spans_[unit].state != SpanState::kFree) visit(spans_[unit]);
  }

  FutexLock& lock() { return lock_; }

 private:
  static constexpr unsigned kBins = 256;
  static constexpr size_t kPurgeGrain = kHugePageBytes / kUnitBytes;

  static unsigned bin_of(size_t units);
  void link(size_t unit, size_t units);
  void unlink(Span* span);
  Span* find(size_t units, Fit fit) const;
  void cut(Span* span, size_t units);
  size_t free_run(size_t unit, size_t units);
  size_t dirty_in(size_t first, size_t last) const;
  void purge(size_t unit, size_t units);
  void purge_idle(size_t just_freed);

  // Calls visit(word, mask) for the words of dirty_ that hold units [first, last).
  template <class Visit>
  void for_each_word(size_t first, size_t last, Visit visit) const;

  FutexLock lock_;
  uintptr_t base_ = 0;
  std::atomic<uintptr_t> blocks_{0};  // address of unit 0
  std::atomic<size_t> unit_count_{0};
  size_t limit_units_ = 0;
  size_t used_units_ = 0;
  std::atomic<uintptr_t>* owners_ = nullptr;
  Span* spans_ = nullptr;
  std::atomic<uint64_t>* dirty_ = nullptr;  // a bit a unit: handed out since it last was zero
  std::atomic<size_t> dirty_units_{0};
  size_t idle_units_ = 0;  // dirty ones in free runs
  size_t purge_at_ = 0;    // give memory back when idle_units_ exceeds this
  uint64_t bin_words_[kBins / 64] = {};
  SpanQueue bins_[kBins];
};

}  // namespace belay
