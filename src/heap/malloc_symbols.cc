// libbelay_malloc.so: malloc and its family over crmalloc, to link or to preload. operator new
// follows through malloc. Nothing here looks up another malloc, so there is nothing to recurse
// into: the heap's first use needs system calls only.
#include <errno.h>
#include <unistd.h>

#define BELAY_NO_SHORT_NAMES
#include "belay/checkpoint_restore.h"

#define BELAY_EXPORT extern "C" __attribute__((visibility("default")))

BELAY_EXPORT void* malloc(size_t bytes) { return belay_crmalloc(bytes); }
BELAY_EXPORT void free(void* block) { belay_crfree(block); }
BELAY_EXPORT void* calloc(size_t count, size_t bytes) { return belay_crcalloc(count, bytes); }
BELAY_EXPORT void* realloc(void* block, size_t bytes) { return belay_crrealloc(block, bytes); }
BELAY_EXPORT void* memalign(size_t alignment, size_t bytes) {
  return belay_crmemalign(alignment, bytes);
}
BELAY_EXPORT void* aligned_alloc(size_t alignment, size_t bytes) {
  return belay_crmemalign(alignment, bytes);
}
BELAY_EXPORT size_t malloc_usable_size(void* block) { return belay_crmalloc_usable_size(block); }

// posix_memalign(3): an error is returned, errno stays.
BELAY_EXPORT int posix_memalign(void** out, size_t alignment, size_t bytes) {
  if (alignment < sizeof(void*) || (alignment & (alignment - 1)) != 0) return EINVAL;
  int before = errno;
  void* block = belay_crmemalign(alignment, bytes);
  errno = before;
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}

BELAY_EXPORT void* valloc(size_t bytes) {
  return belay_crmemalign(static_cast<size_t>(sysconf(_SC_PAGESIZE)), bytes);
}

BELAY_EXPORT void* pvalloc(size_t bytes) {
  auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  size_t rounded;
  if (__builtin_add_overflow(bytes, page - 1, &rounded)) {
    errno = ENOMEM;
    return nullptr;
  }
  return belay_crmemalign(page, rounded / page * page);
}
