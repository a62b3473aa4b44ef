// The heap of a program under test. Compiled without the plugin, as the C library is: regions reach
// it only through the region library, and libc allocates from it for itself.
//
// No block is used twice, so that blocks stay where they are and this file's words are not the
// program's. What is freed is overwritten: a region that frees too early can't hide it.
#define _GNU_SOURCE
#include "region_heap.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct RegionHeap region_heap __attribute__((aligned(64)));

static const size_t kHeapBytes = (size_t)1 << 36, kAlign = 16;
static const int kFreed = 0xdb;

void* aligned_alloc(size_t alignment, size_t bytes) {
  struct RegionHeap* heap = &region_heap;
  if (heap->begin == NULL) {
    heap->begin = mmap(NULL, kHeapBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (heap->begin == MAP_FAILED) abort();
    heap->top = heap->begin;
  }
  if (alignment < kAlign) alignment = kAlign;
  size_t left = kHeapBytes - (size_t)(heap->top - heap->begin);
  if (bytes > left || bytes + alignment + 2 * kAlign > left) {
    errno = ENOMEM;
    return NULL;
  }
  uintptr_t at = ((uintptr_t)heap->top + kAlign + alignment - 1) & ~(uintptr_t)(alignment - 1);
  ((size_t*)at)[-1] = bytes;
  heap->top = (char*)((at + bytes + kAlign - 1) & ~(uintptr_t)(kAlign - 1));
  return (void*)at;
}
void* malloc(size_t bytes) { return aligned_alloc(kAlign, bytes); }
void* memalign(size_t alignment, size_t bytes) { return aligned_alloc(alignment, bytes); }
void* valloc(size_t bytes) { return aligned_alloc(4096, bytes); }
int posix_memalign(void** out, size_t alignment, size_t bytes) {
  void* block = aligned_alloc(alignment, bytes);
  if (block == NULL) return ENOMEM;
  *out = block;
  return 0;
}
void* calloc(size_t count, size_t bytes) {
  size_t all;
  if (__builtin_mul_overflow(count, bytes, &all)) {
    errno = ENOMEM;
    return NULL;
  }
  return malloc(all);  // fresh pages are zero, and none is used twice
}
size_t malloc_usable_size(void* block) { return block == NULL ? 0 : ((size_t*)block)[-1]; }
void free(void* block) {
  if (block != NULL) memset(block, kFreed, malloc_usable_size(block));
}
void* realloc(void* block, size_t bytes) {
  size_t old = malloc_usable_size(block);
  if (block != NULL && bytes <= old) return block;
  void* moved = malloc(bytes);
  if (moved == NULL) return NULL;
  if (old > 0) memcpy(moved, block, old);
  free(block);
  return moved;
}
