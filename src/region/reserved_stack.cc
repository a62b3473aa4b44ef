#include "region/reserved_stack.h"

#include <unistd.h>

namespace belay::region {

namespace {
size_t page_bytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
size_t to_pages(size_t bytes) { return (bytes + page_bytes() - 1) & ~(page_bytes() - 1); }
}  // namespace

std::byte* reserve(size_t bytes) {
  bytes = to_pages(bytes);
  void* base = mmap(nullptr, bytes + page_bytes(), PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  if (mprotect(base, bytes, PROT_READ | PROT_WRITE) != 0) {
    munmap(base, bytes + page_bytes());
    return nullptr;
  }
  return static_cast<std::byte*>(base);
}

void release(std::byte* base, size_t bytes) {
  if (base != nullptr) munmap(base, to_pages(bytes) + page_bytes());
}

}  // namespace belay::region
