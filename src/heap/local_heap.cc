#include "heap/local_heap.h"

#include <string.h>

#include <algorithm>
#include <climits>

#include "base/check.h"
#include "heap/arena.h"

namespace belay {

void* LocalHeap::allocate(size_t bytes, bool zeroed) {
  unsigned size_class = size_class_of(bytes);
  Span* span = current_[size_class];
  if (void* block = take(span, size_class, zeroed)) return block;
  // Whoever runs out of blocks first looks at what others sent back.
  if (has_mail()) {
    read_mail();
    if (void* block = take(span, size_class, zeroed)) return block;
  }
  span = next_span(size_class);
  return span == nullptr ? nullptr : take(span, size_class, zeroed);
}

void* LocalHeap::take(Span* span, unsigned size_class, bool zeroed) {
  if (zeroed && span->free == nullptr) return take_untouched(span, zeroed);
  if (span->free == nullptr && !extend(span)) return nullptr;
  void* block = pop(span);
  if (zeroed) memset(block, 0, class_bytes(size_class));
  return block;
}

// The next block that was never handed out: zero in a zeroed span without anybody touching it.
void* LocalHeap::take_untouched(Span* span, bool zeroed) {
  if (span->handed_out == span->capacity) return nullptr;
  size_t bytes = span->block_bytes;
  void* block = arena_->runs().start_of(span) + span->handed_out++ * bytes;
  add_used(span, 1);
  if (zeroed && !span->zeroed) memset(block, 0, bytes);
  return block;
}

// Strings a page's worth of untouched blocks together, so that a span's memory is touched as it is
// used, in the order of its addresses.
bool LocalHeap::extend(Span* span) {
  if (span->handed_out == span->capacity) return false;
  size_t bytes = span->block_bytes;
  uint32_t count = std::max<uint32_t>(1, uint32_t(kPageBytes / bytes));
  count = std::min(count, span->capacity - span->handed_out);
  std::byte* at = arena_->runs().start_of(span) + span->handed_out * bytes;
  auto* first = reinterpret_cast<Block*>(at);
  for (uint32_t i = 1; i < count; ++i, at += bytes)
    reinterpret_cast<Block*>(at)->next = reinterpret_cast<Block*>(at + bytes);
  reinterpret_cast<Block*>(at)->next = nullptr;
  span->free = first;
  span->handed_out += count;
  return true;
}

Span* LocalHeap::next_span(unsigned size_class) {
  if (current_[size_class] != &empty_span) set_aside(current_[size_class]);
  make_current(size_class, &empty_span);
  Span* span = available_[size_class].head;
  if (span != nullptr) {
    available_[size_class].remove(span);
  } else {
    flush();  // a slow moment anyway: nothing waits in an outbox for ever
    span = arena_->take_orphan(size_class, *this);
    if (span == nullptr) span = new_span(size_class);
    if (span == nullptr) return nullptr;
  }
  make_current(size_class, span);
  return span;
}

Span* LocalHeap::new_span(unsigned size_class) {
  Runs& runs = arena_->runs();
  size_t units = class_units(size_class, spans_taken_[size_class]);
  Span* span = runs.allocate(units, SpanState::kSmall);
  if (span == nullptr) return nullptr;
  if (spans_taken_[size_class] < UINT8_MAX) ++spans_taken_[size_class];
  span->zeroed = runs.claim(span, 0, units, false);
  span->free = nullptr;
  span->used.store(0, std::memory_order_relaxed);
  span->size_class = static_cast<uint8_t>(size_class);
  span->handed_out = 0;
  span->capacity = static_cast<uint32_t>(units * kUnitBytes / class_bytes(size_class));
  __atomic_store_n(&span->block_bytes, uint32_t(class_bytes(size_class)), __ATOMIC_RELAXED);
  own(span);
  return span;
}

void LocalHeap::own(Span* span) {
  Runs& runs = arena_->runs();
  uintptr_t word =
      reinterpret_cast<uintptr_t>(this) | (span->block_bytes > kBatchedBytesMax ? kOwnerBulky : 0);
  for (size_t i = 0, unit = runs.index_of(span); i < span->units; ++i)
    runs.owner(unit + i).store(word, std::memory_order_relaxed);
}

void LocalHeap::make_current(unsigned size_class, Span* span) {
  current_[size_class] = span;
  if (span != &empty_span) {
    span->list = SpanList::kCurrent;
    span->slow_at = -1;
  }
  size_t largest = class_bytes(size_class);
  if (largest > kDirectBytesMax) return;
  size_t smallest = size_class == 0 ? 0 : class_bytes(size_class - 1) / 16 + 1;
  for (size_t i = smallest; i <= largest / 16; ++i) direct_[i] = span;
}

// Out of the current ones, which are in no list.
void LocalHeap::set_aside(Span* span) {
  bool full = span->free == nullptr && span->handed_out == span->capacity;
  put_in_list(span, full ? SpanList::kFull : SpanList::kAvailable);
}

void LocalHeap::put_in_list(Span* span, SpanList list) {
  span->list = list;
  // A full span is worth coming back to when an eighth of it is free; else every few allocations
  // would change spans.
  auto capacity = static_cast<int32_t>(span->capacity);
  span->slow_at = list == SpanList::kFull ? capacity - std::max(1, capacity / 8) : 0;
  (list == SpanList::kFull ? full_ : available_)[span->size_class].push(span);
}

void LocalHeap::put_back_slow(Span* span, int32_t used) {
  BELAY_CHECK(used >= 0 && "crfree of a block that is free already");
  if (span->list == SpanList::kFull) {
    full_[span->size_class].remove(span);
    put_in_list(span, SpanList::kAvailable);
  }
  if (used == 0) {
    available_[span->size_class].remove(span);
    discard(span);
  }
}

void LocalHeap::discard(Span* span) {
  Runs& runs = arena_->runs();
  for (size_t i = 0, unit = runs.index_of(span); i < span->units; ++i)
    runs.owner(unit + i).store(0, std::memory_order_relaxed);
  runs.release(span);
}

void LocalHeap::free(uintptr_t owner, void* address) {
  auto* target = reinterpret_cast<LocalHeap*>(owner & ~kOwnerTags);
  auto* block = static_cast<Block*>(address);
  if (target == this) {
    Runs& runs = arena_->runs();
    return put_back(runs.head_of(runs.unit_of(address)), block);
  }
  if (arena_ == nullptr || (owner & kOwnerBulky) != 0) return target->post(block, block);
  Outgoing& out = outgoing_[reinterpret_cast<uintptr_t>(target) / sizeof(LocalHeap) % kOutgoing];
  if (out.target != target) {
    if (out.count != 0) out.target->post(out.first, out.last);
    out = {target, nullptr, block, 0};
  }
  block->next = out.first;
  out.first = block;
  if (++out.count < kBatch) return;
  target->post(out.first, out.last);
  out = {};
}

void LocalHeap::flush() {
  for (Outgoing& out : outgoing_) {
    if (out.count != 0) out.target->post(out.first, out.last);
    out = {};
  }
}

void LocalHeap::post(Block* first, Block* last) {
  Block* head = inbox_.load(std::memory_order_relaxed);
  do last->next = head;
  while (!inbox_.compare_exchange_weak(head, first, std::memory_order_release,
                                       std::memory_order_relaxed));
}

void LocalHeap::read_mail() {
  Runs& runs = arena_->runs();
  Block* block = inbox_.exchange(nullptr, std::memory_order_acquire);
  while (block != nullptr) {
    Block* next = block->next;
    size_t unit = runs.unit_of(block);
    uintptr_t owner = runs.owner(unit).load(std::memory_order_relaxed);
    BELAY_CHECK(owner > kOwnerTags && "crfree of a block that is free already");
    free(owner, block);  // on to the heir, where the span has changed hands meanwhile
    block = next;
  }
}

void LocalHeap::retire(LocalHeap& heir) {
  flush();
  for (unsigned size_class = 0; size_class < kSizeClasses; ++size_class) {
    if (current_[size_class] != &empty_span) set_aside(current_[size_class]);
    make_current(size_class, &empty_span);
    for (SpanQueue* queue : {&available_[size_class], &full_[size_class]}) {
      while (Span* span = queue->head) {
        queue->remove(span);
        hand_over(span, heir);
      }
    }
  }
}

void LocalHeap::hand_over(Span* span, LocalHeap& heir) {
  if (span->used.load(std::memory_order_relaxed) == 0) return discard(span);
  heir.own(span);
  heir.put_in_list(span, span->list);
}

Span* LocalHeap::give_away(unsigned size_class) {
  Span* span = available_[size_class].head;
  if (span != nullptr) available_[size_class].remove(span);
  return span;
}

}  // namespace belay
