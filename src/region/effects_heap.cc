// malloc and free, new and delete.
#include <malloc.h>
#include <sched.h>

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "region/effect.h"
#include "region/mutant.h"

using belay::region::born;
using belay::region::died;
using belay::region::log_bytes;
using belay::region::Release;

EFFECT(void*, malloc, (size_t bytes)) { return born(malloc(bytes), bytes, Release::kFree); }

EFFECT(void*, calloc, (size_t count, size_t bytes)) {
  return born(calloc(count, bytes), count * bytes, Release::kFree);
}

EFFECT(void, __sched_cpufree, (cpu_set_t * set)) { died(set, Release::kFree); }
EFFECT(void, free, (void* block)) { died(block, Release::kFree); }

// Always a new block: the old one must be there again after a rollback.
EFFECT(void*, realloc, (void* block, size_t bytes)) {
  if (block == nullptr) return born(malloc(bytes), bytes, Release::kFree);
  if (BELAY_MUTANT(realloc_in_place)) return realloc(block, bytes);
  if (bytes == 0) {
    died(block, Release::kFree);
    return nullptr;
  }
  void* moved = born(malloc(bytes), bytes, Release::kFree);
  if (moved == nullptr) return nullptr;
  size_t old_bytes = malloc_usable_size(block);
  memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
  died(block, Release::kFree);
  return moved;
}

EFFECT(void*, reallocarray, (void* block, size_t count, size_t bytes)) {
  size_t all;
  if (__builtin_mul_overflow(count, bytes, &all)) {
    errno = ENOMEM;
    return nullptr;
  }
  return fx_realloc(block, all);
}

EFFECT(void*, aligned_alloc, (size_t alignment, size_t bytes)) {
  return born(aligned_alloc(alignment, bytes), bytes, Release::kFree);
}

EFFECT(void*, memalign, (size_t alignment, size_t bytes)) {
  return born(memalign(alignment, bytes), bytes, Release::kFree);
}

EFFECT(int, posix_memalign, (void** out, size_t alignment, size_t bytes)) {
  log_bytes(out, sizeof *out);
  int code = posix_memalign(out, alignment, bytes);
  if (code == 0) born(*out, bytes, Release::kFree);
  return code;
}

// The C++ library's, by the names of their symbols: this library links without it.
extern "C" {
#define BELAY_WEAK __attribute__((weak))
BELAY_WEAK void* _Znwm(size_t);
BELAY_WEAK void* _Znam(size_t);
BELAY_WEAK void* _ZnwmRKSt9nothrow_t(size_t, const void*);
BELAY_WEAK void* _ZnamRKSt9nothrow_t(size_t, const void*);
BELAY_WEAK void* _ZnwmSt11align_val_t(size_t, size_t);
BELAY_WEAK void* _ZnamSt11align_val_t(size_t, size_t);
#undef BELAY_WEAK
}

namespace {
uint32_t log2_of(size_t alignment) { return static_cast<uint32_t>(std::countr_zero(alignment)); }
}  // namespace

EFFECT(void*, _Znwm, (size_t bytes)) { return born(_Znwm(bytes), bytes, Release::kDelete); }
EFFECT(void*, _Znam, (size_t bytes)) { return born(_Znam(bytes), bytes, Release::kDeleteArray); }
EFFECT(void*, _ZnwmRKSt9nothrow_t, (size_t bytes, const void* tag)) {
  return born(_ZnwmRKSt9nothrow_t(bytes, tag), bytes, Release::kDelete);
}
EFFECT(void*, _ZnamRKSt9nothrow_t, (size_t bytes, const void* tag)) {
  return born(_ZnamRKSt9nothrow_t(bytes, tag), bytes, Release::kDeleteArray);
}
EFFECT(void*, _ZnwmSt11align_val_t, (size_t bytes, size_t alignment)) {
  return born(_ZnwmSt11align_val_t(bytes, alignment), bytes, Release::kDeleteAligned,
              log2_of(alignment));
}
EFFECT(void*, _ZnamSt11align_val_t, (size_t bytes, size_t alignment)) {
  return born(_ZnamSt11align_val_t(bytes, alignment), bytes, Release::kDeleteArrayAligned,
              log2_of(alignment));
}
EFFECT(void, _ZdlPv, (void* block)) { died(block, Release::kDelete); }
EFFECT(void, _ZdaPv, (void* block)) { died(block, Release::kDeleteArray); }
EFFECT(void, _ZdlPvm, (void* block, size_t)) { died(block, Release::kDelete); }
EFFECT(void, _ZdaPvm, (void* block, size_t)) { died(block, Release::kDeleteArray); }
EFFECT(void, _ZdlPvSt11align_val_t, (void* block, size_t alignment)) {
  died(block, Release::kDeleteAligned, log2_of(alignment));
}
EFFECT(void, _ZdaPvSt11align_val_t, (void* block, size_t alignment)) {
  died(block, Release::kDeleteArrayAligned, log2_of(alignment));
}
EFFECT(void, _ZdlPvmSt11align_val_t, (void* block, size_t, size_t alignment)) {
  died(block, Release::kDeleteAligned, log2_of(alignment));
}
EFFECT(void, _ZdaPvmSt11align_val_t, (void* block, size_t, size_t alignment)) {
  died(block, Release::kDeleteArrayAligned, log2_of(alignment));
}
