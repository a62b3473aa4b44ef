// What one thread allocates from: spans of blocks, one size class each, that only it takes blocks
// out of and puts them back into. Blocks that other threads free come home through an inbox.
//
// The shape follows the literature on thread-local allocators: spans with a free list of their own
// as in mimalloc (Leijen et al., ISMM 2019), messages to the owner as in snmalloc (Liétar et al.,
// ISMM 2019).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "heap/runs.h"
#include "heap/size_class.h"
#include "heap/span.h"

namespace belay {

class Arena;

// Sizes up to this find their span by one table look-up.
constexpr size_t kDirectBytesMax = 1024;

// Tag bits of Runs::owner, in the low bits of a LocalHeap's address.
constexpr uintptr_t kOwnerTags = 63;
constexpr uintptr_t kOwnerBulky = 1;  // its blocks are above kBatchedBytesMax
constexpr uintptr_t kOwnerLarge = 2;  // no heap: one block that goes back to Runs

// Larger blocks don't wait in an outbox: few would hold much memory.
constexpr size_t kBatchedBytesMax = 8 << 10;

class alignas(64) LocalHeap {
 public:
  // The empty heap: every allocation takes the slow path, nothing is owned.
  constexpr LocalHeap();
  constexpr void attach(Arena* arena) { arena_ = arena; }

  // pre: bytes <= kDirectBytesMax. Null when the current span has run out: see allocate_slow().
  void* try_allocate(size_t bytes) { return pop(direct_[(bytes + 15) / 16]); }
  // pre: bytes <= kSmallBytesMax.
  void* allocate(size_t bytes, bool zeroed = false);

  // Returns false for a block of another owner.
  bool try_free(Runs& runs, size_t unit, void* block) {
    if (runs.owner(unit).load(std::memory_order_relaxed) != reinterpret_cast<uintptr_t>(this))
      return false;
    put_back(runs.head_of(unit), static_cast<Block*>(block));
    return true;
  }
  // Frees a block of any LocalHeap (owner: the word Runs knows). Blocks of others leave in batches.
  void free(uintptr_t owner, void* block);

  // Sends a chain of blocks to the owner. Any thread.
  void post(Block* first, Block* last);
  bool has_mail() const { return inbox_.load(std::memory_order_relaxed) != nullptr; }
  void read_mail();
  // Posts what waits for others.
  void flush();
  // Empties the heap: hands every span with blocks in use to `heir`, frees the others.
  void retire(LocalHeap& heir);
  // A span with free blocks, out of this heap's lists; and how another heap makes it its own.
  Span* give_away(unsigned size_class);
  void own(Span* span);
  bool has_available(unsigned size_class) const { return available_[size_class].head != nullptr; }

  LocalHeap* next = nullptr;  // in the arena's pool of idle ones

 private:
  struct Outgoing {
    LocalHeap* target = nullptr;
    Block* first = nullptr;
    Block* last = nullptr;
    uint32_t count = 0;
  };
  static constexpr unsigned kOutgoing = 4;
  static constexpr uint32_t kBatch = 32;

  static void* pop(Span* span) {
    Block* block = span->free;
    if (block == nullptr) [[unlikely]]
      return nullptr;
    span->free = block->next;
    add_used(span, 1);
    return block;
  }
  static int32_t add_used(Span* span, int32_t n) {
    int32_t used = span->used.load(std::memory_order_relaxed) + n;
    span->used.store(used, std::memory_order_relaxed);
    return used;
  }
  void put_back(Span* span, Block* block) {
    block->next = span->free;
    span->free = block;
    int32_t used = add_used(span, -1);
    if (used <= span->slow_at) [[unlikely]]
      put_back_slow(span, used);
  }

  void put_back_slow(Span* span, int32_t used);
  void* take(Span* span, unsigned size_class, bool zeroed);
  void* take_untouched(Span* span, bool zeroed);
  bool extend(Span* span);
  Span* next_span(unsigned size_class);
  Span* new_span(unsigned size_class);
  void make_current(unsigned size_class, Span* span);
  void set_aside(Span* span);
  void discard(Span* span);
  void hand_over(Span* span, LocalHeap& heir);
  void put_in_list(Span* span, SpanList list);

  Span* direct_[kDirectBytesMax / 16 + 1];
  Span* current_[kSizeClasses];
  Arena* arena_ = nullptr;
  SpanQueue available_[kSizeClasses];
  SpanQueue full_[kSizeClasses];
  uint8_t spans_taken_[kSizeClasses] = {};
  Outgoing outgoing_[kOutgoing];
  alignas(64) std::atomic<Block*> inbox_{nullptr};
};

// Stands for "no span": has no free block and never will.
inline constinit Span empty_span;

constexpr LocalHeap::LocalHeap() : direct_{}, current_{} {
  for (Span*& span : direct_) span = &empty_span;
  for (Span*& span : current_) span = &empty_span;
}

}  // namespace belay
