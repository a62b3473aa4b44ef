#include "heap/arena.h"

#include <string.h>

#include <algorithm>
#include <new>

#include "base/check.h"

namespace belay {

Status Arena::open(uintptr_t base, size_t bytes_max) {
  FutexGuard guard(heaps_lock_);
  if (runs_.ready()) return {};
  return runs_.reserve(base, bytes_max);
}

LocalHeap* Arena::acquire_heap() {
  FutexGuard guard(heaps_lock_);
  if (idle_ == nullptr) {
    constexpr size_t kUnits = 2;
    Span* span = runs_.allocate(kUnits, SpanState::kMeta);
    if (span == nullptr) return nullptr;
    runs_.claim(span, 0, kUnits, false);
    std::byte* at = runs_.start_of(span);
    for (size_t i = 0; i < kUnits * kUnitBytes / sizeof(LocalHeap); ++i) {
      auto* heap = new (at + i * sizeof(LocalHeap)) LocalHeap;
      heap->attach(this);
      heap->next = idle_;
      idle_ = heap;
    }
  }
  LocalHeap* heap = idle_;
  idle_ = heap->next;
  heap->next = nullptr;
  return heap;
}

// Mail may still arrive at an idle heap: from a thread that has read the owner of a block just
// before it changed. The next user of the heap, or collect(), sends it on.
void Arena::release_heap(LocalHeap* heap) {
  FutexGuard guard(heaps_lock_);
  heap->read_mail();
  heap->retire(orphans_);
  tend_orphans();
  heap->next = idle_;
  idle_ = heap;
}

// pre: heaps_lock_ is held.
void Arena::tend_orphans() {
  orphans_.read_mail();
  orphans_.flush();  // blocks of spans that have found an owner
  for (unsigned c = 0; c < kSizeClasses; ++c)
    orphans_of_[c].store(orphans_.has_available(c), std::memory_order_relaxed);
}

Span* Arena::take_orphan(unsigned size_class, LocalHeap& heir) {
  if (!orphans_.has_mail() && orphans_of_[size_class].load(std::memory_order_relaxed) == 0)
    return nullptr;
  FutexGuard guard(heaps_lock_);
  tend_orphans();
  Span* span = orphans_.give_away(size_class);
  if (span == nullptr) return nullptr;
  // While the lock is held: whoever reads the orphans' mail next must see the new owner.
  heir.own(span);
  orphans_of_[size_class].store(orphans_.has_available(size_class), std::memory_order_relaxed);
  return span;
}

// Brings home what is on its way to a heap that no thread uses.
void Arena::collect(LocalHeap* heap) {
  if (heap != nullptr) heap->flush();
  FutexGuard guard(heaps_lock_);
  for (LocalHeap* idle = idle_; idle != nullptr; idle = idle->next) {
    if (idle->has_mail()) idle->read_mail();
    idle->flush();
  }
  tend_orphans();
}

void* Arena::allocate(LocalHeap& heap, size_t bytes, bool zeroed) {
  if (bytes > kSmallBytesMax) return allocate_large(heap, bytes, zeroed, Fit::kBest, 1);
  void* block = heap.allocate(bytes, zeroed);
  if (block != nullptr) return block;
  collect(&heap);
  heap.read_mail();
  return heap.allocate(bytes, zeroed);
}

void* Arena::allocate_large(LocalHeap& heap, size_t bytes, bool zeroed, Fit fit,
                            size_t align_units) {
  if (bytes > PTRDIFF_MAX) return nullptr;
  size_t units = std::max<size_t>(1, (bytes + kUnitBytes - 1) / kUnitBytes);
  Span* span = runs_.allocate(units, SpanState::kLarge, fit, align_units);
  if (span == nullptr) {
    collect(&heap);
    heap.read_mail();
    span = runs_.allocate(units, SpanState::kLarge, fit, align_units);
    if (span == nullptr) return nullptr;
  }
  runs_.claim(span, 0, units, zeroed);
  span->used.store(1, std::memory_order_relaxed);
  runs_.owner(runs_.index_of(span)).store(kOwnerLarge, std::memory_order_relaxed);
  return runs_.start_of(span);
}

void* Arena::allocate_aligned(LocalHeap& heap, size_t alignment, size_t bytes) {
  if (bytes > PTRDIFF_MAX || alignment > PTRDIFF_MAX) return nullptr;
  if (alignment <= 16) return allocate(heap, bytes, false);
  if (alignment <= kUnitBytes) {
    // Spans begin at a unit, so the blocks of a class that is a multiple are aligned. Classes end
    // in a power of two, so four steps reach one.
    size_t rounded = (std::max(bytes, size_t{1}) + alignment - 1) & ~(alignment - 1);
    while (rounded <= kSmallBytesMax) {
      size_t block_bytes = class_bytes(size_class_of(rounded));
      if (block_bytes % alignment == 0) return allocate(heap, rounded, false);
      rounded = block_bytes + 1;
    }
  }
  size_t align_units = std::max<size_t>(1, alignment / kUnitBytes);
  return allocate_large(heap, bytes, false, Fit::kBest, align_units);
}

void Arena::free(LocalHeap& heap, void* block) {
  if (block == nullptr) return;
  size_t unit = runs_.unit_of(block);
  BELAY_CHECK(unit != Runs::kNoUnit && "crfree of a pointer that crmalloc never returned");
  uintptr_t owner = runs_.owner(unit).load(std::memory_order_relaxed);
  BELAY_CHECK(owner != 0 && "crfree of a pointer that is free, or that crmalloc never returned");
  if (owner != kOwnerLarge) {
    heap.free(owner, block);
    return;
  }
  Span* span = runs_.head_of(unit);
  BELAY_CHECK(block == runs_.start_of(span) && "crfree of a pointer into a block");
  runs_.owner(unit).store(0, std::memory_order_relaxed);
  runs_.release(span);
}

size_t Arena::usable_bytes(const void* block) const {
  if (block == nullptr) return 0;
  size_t unit = runs_.unit_of(block);
  BELAY_CHECK(unit != Runs::kNoUnit && "a pointer that crmalloc never returned");
  uintptr_t owner = runs_.owner(unit).load(std::memory_order_relaxed);
  BELAY_CHECK(owner != 0 && "a pointer that is free, or that crmalloc never returned");
  const Span* span = runs_.head_of(unit);
  return owner == kOwnerLarge ? span->units * kUnitBytes : span->block_bytes;
}

bool Arena::resize_large(Span* span, size_t bytes) {
  size_t units = (bytes + kUnitBytes - 1) / kUnitBytes, old = span->units;
  if (units <= old) {
    if (units < old) runs_.shrink(span, units);
    return true;
  }
  if (!runs_.grow(span, units)) return false;
  runs_.claim(span, old, units, false);
  return true;
}

// pre: block != nullptr, bytes > 0.
void* Arena::reallocate(LocalHeap& heap, void* block, size_t bytes) {
  if (bytes > PTRDIFF_MAX) return nullptr;
  size_t old = usable_bytes(block);
  // Smaller by less than half: not worth a copy.
  if (bytes <= old && bytes >= old / 2 && old <= kSmallBytesMax) return block;
  void* grown;
  if (old > kSmallBytesMax && bytes > kSmallBytesMax) {
    if (resize_large(runs_.head_of(runs_.unit_of(block)), bytes)) return block;
    grown = allocate_large(heap, bytes, false, Fit::kRoomy, 1);
  } else {
    grown = allocate(heap, bytes, false);
  }
  if (grown == nullptr) return bytes <= old ? block : nullptr;
  memcpy(grown, block, std::min(old, bytes));
  free(heap, block);
  return grown;
}

ArenaStats Arena::stats() {
  ArenaStats stats;
  if (!ready()) return stats;
  collect(nullptr);
  runs_.for_each_used([&](const Span& span) {
    if (span.state == SpanState::kLarge) {
      stats.allocated_bytes += size_t{span.units} * kUnitBytes;
      stats.allocations += 1;
    } else if (span.state == SpanState::kSmall) {
      auto used = static_cast<uint64_t>(span.used.load(std::memory_order_relaxed));
      stats.allocated_bytes += used * __atomic_load_n(&span.block_bytes, __ATOMIC_RELAXED);
      stats.allocations += used;
    }
  });
  stats.reserved_bytes = runs_.reserved_bytes();
  stats.committed_bytes = runs_.committed_bytes();
  return stats;
}

void Arena::lock_all() {
  heaps_lock_.lock();
  runs_.lock().lock();
}

void Arena::unlock_all() {
  runs_.lock().unlock();
  heaps_lock_.unlock();
}

void Arena::reset_locks() {
  runs_.lock().reset();
  heaps_lock_.reset();
}

}  // namespace belay
