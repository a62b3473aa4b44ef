// What is known about a run of units: kept apart from the blocks, in a table indexed by unit, so
// that no overrun of a block reaches it and an empty span's memory can be given back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace belay {

// A free block: the link lies in its first word.
struct Block {
  Block* next;
};

enum class SpanState : uint8_t {
  kNone,   // never used
  kFree,   // set in the first and in the last unit of a free run
  kSmall,  // blocks of one size class, owned by a LocalHeap
  kLarge,  // one block
  kMeta,   // LocalHeap objects
};

// Which of its owner's lists a small span is in.
enum class SpanList : uint8_t { kCurrent, kAvailable, kFull };

struct alignas(64) Span {
  Block* free = nullptr;
  // Blocks in use, from the owner's point of view: one on its way home still counts.
  // Only the owner writes; statistics read.
  std::atomic<int32_t> used{0};
  // free() of a block leaves the fast path when used falls to this: -1 for the current span (a
  // double free), 0 for an available one (now empty), more for a full one (worth a look again).
  int32_t slow_at = 0;
  uint32_t block_bytes = 0;
  uint32_t handed_out = 0;  // blocks that were ever in `free`; those beyond are untouched
  uint32_t capacity = 0;
  uint32_t units = 0;  // valid in the first unit
  uint32_t back = 0;   // units from here to the first unit
  SpanState state = SpanState::kNone;
  uint8_t size_class = 0;
  SpanList list = SpanList::kCurrent;
  bool zeroed = false;  // untouched blocks are all zeros
  Span* next = nullptr;
  Span* previous = nullptr;
};
static_assert(sizeof(Span) == 64);

// A doubly linked list through next and previous.
struct SpanQueue {
  Span* head = nullptr;

  void push(Span* span) {
    span->previous = nullptr;
    span->next = head;
    if (head != nullptr) head->previous = span;
    head = span;
  }
  void remove(Span* span) {
    (span->previous != nullptr ? span->previous->next : head) = span->next;
    if (span->next != nullptr) span->next->previous = span->previous;
    span->next = span->previous = nullptr;
  }
};

}  // namespace belay
