#include "thread/stack.h"

#include <belay/checkpoint_restore.h>
#include <sys/mman.h>

#include <new>

#include "base/check.h"
#include "base/page.h"

namespace belay {

std::byte* Stack::base() const { return block + kPageBytes; }

Stack StackPool::acquire(size_t bytes) {
  bytes = page_ceil(bytes);
  if (Stack cached = take_cached(bytes)) return cached;
  size_t total = bytes + kPageBytes;
  if (total < bytes) return {};
  auto* block = static_cast<std::byte*>(belay_crmemalign(kPageBytes, total));
  if (!block) return {};
  // ENOMEM when the process has used up vm.max_map_count.
  if (mprotect(block, kPageBytes, PROT_NONE) != 0) {
    belay_crfree(block);
    return {};
  }
  auto start = reinterpret_cast<uintptr_t>(block);
  if (start < low_) low_ = start;
  if (start + total > high_) high_ = start + total;
  return {block, bytes};
}

Stack StackPool::take_cached(size_t bytes) {
  for (Cached** link = &cache_; *link; link = &(*link)->next) {
    if ((*link)->stack.bytes != bytes) continue;
    Stack stack = (*link)->stack;
    *link = (*link)->next;
    cached_bytes_ -= stack.bytes;
    return stack;
  }
  return {};
}

void StackPool::release(Stack stack) {
  if (cached_bytes_ + stack.bytes <= kStackCacheBytesMax) {
    cache_ = new (stack.base()) Cached{cache_, stack};
    cached_bytes_ += stack.bytes;
    return;
  }
  // The heap may write into the block once it is free. If the guard page can't be opened (merging
  // mappings takes memory of the kernel's), the block is better lost than a trap.
  if (mprotect(stack.block, kPageBytes, PROT_READ | PROT_WRITE) == 0) belay_crfree(stack.block);
}

}  // namespace belay
