// Thread stacks in the arena, each with a guard page below it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace belay {

constexpr size_t kStackDefaultBytes = 256 << 10;
constexpr size_t kStackMinBytes = 16 << 10;
// Ended threads' stacks kept for the next ones: making a guard page splits a mapping and costs two
// system calls a thread otherwise. 64 MiB hold 250 default stacks; glibc keeps 40 MiB.
constexpr size_t kStackCacheBytesMax = 64 << 20;

struct Stack {
  std::byte* block = nullptr;  // starts with the guard page; null: none
  size_t bytes = 0;            // usable, above the guard page

  std::byte* base() const;
  explicit operator bool() const { return block != nullptr; }
};

// Stacks, given out and taken back. Not thread-safe: its owner's lock guards it.
class StackPool {
 public:
  // At least `bytes` usable ones. An empty Stack when memory is short.
  Stack acquire(size_t bytes);
  // pre: no thread runs on it any more, nor will the C library look at its control block.
  void release(Stack stack);
  // Whether `address` lies between the lowest and highest byte ever given out. The arena is one
  // reservation, so nothing of anybody else's does.
  bool spans(uintptr_t address) const { return address >= low_ && address < high_; }

 private:
  // A cached stack's link lies in its own first bytes.
  struct Cached {
    Cached* next;
    Stack stack;
  };
  Stack take_cached(size_t bytes);

  Cached* cache_ = nullptr;
  size_t cached_bytes_ = 0;
  uintptr_t low_ = UINTPTR_MAX;
  uintptr_t high_ = 0;
};

}  // namespace belay
