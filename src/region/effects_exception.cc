// C++ exceptions: what is thrown leaves the region with its contents, whatever becomes of the rest.
#include <malloc.h>

#include "region/effect.h"
#include "region/undo.h"

using namespace belay::region;

extern "C" {
#define BELAY_WEAK __attribute__((weak))
BELAY_WEAK void* __cxa_allocate_exception(size_t);
BELAY_WEAK void __cxa_throw(void*, void*, void (*)(void*));
BELAY_WEAK int __cxa_guard_acquire(uint64_t*);
BELAY_WEAK void __cxa_guard_release(uint64_t*);
BELAY_WEAK void __cxa_guard_abort(uint64_t*);
#undef BELAY_WEAK
}

namespace {

// The exception that this thread is constructing, and where log and heap were before that.
struct Making {
  void* exception;
  size_t bytes, births;
  std::byte* log_top;
};
thread_local BELAY_TLS Making making;

}  // namespace

EFFECT(void*, __cxa_allocate_exception, (size_t bytes)) {
  void* exception = __cxa_allocate_exception(bytes);
  making = {exception, bytes, this_thread.births.size(),
            static_cast<std::byte*>(__belay_log_top)};
  return exception;
}

// Blocks that were allocated while the exception was made are taken for its own. One that is not
// leaks if the region is rolled back; the other error would be a dangling pointer.
EFFECT(void, __cxa_throw, (void* exception, void* type, void (*destroy)(void*))) {
  if (exception == making.exception) {
    spare(making.log_top, exception, making.bytes);
    auto& births = this_thread.births;
    for (size_t i = making.births; i < births.size(); i++)
      spare(making.log_top, births[i].address, malloc_usable_size(births[i].address));
    spare_births(making.births);
  }
  __cxa_throw(exception, type, destroy);
}

// The guard of a static local: after a rollback it is to be initialised again.
EFFECT(int, __cxa_guard_acquire, (uint64_t * guard)) {
  log_bytes(guard, sizeof *guard);
  return __cxa_guard_acquire(guard);
}
EFFECT(void, __cxa_guard_release, (uint64_t * guard)) { __cxa_guard_release(guard); }
EFFECT(void, __cxa_guard_abort, (uint64_t * guard)) { __cxa_guard_abort(guard); }

// The standard exceptions keep their text in the C++ library, which frees it with the last copy:
// only the object itself is logged.
#define STANDARD_EXCEPTION(constructor)                                \
  extern "C" __attribute__((weak)) void constructor(void*, const char*); \
  EFFECT(void, constructor, (void* self, const char* text)) {          \
    log_bytes(self, 2 * sizeof(void*));                                \
    constructor(self, text);                                           \
  }
STANDARD_EXCEPTION(_ZNSt13runtime_errorC1EPKc)
STANDARD_EXCEPTION(_ZNSt13runtime_errorC2EPKc)
STANDARD_EXCEPTION(_ZNSt11logic_errorC1EPKc)
STANDARD_EXCEPTION(_ZNSt11logic_errorC2EPKc)
STANDARD_EXCEPTION(_ZNSt12out_of_rangeC1EPKc)
STANDARD_EXCEPTION(_ZNSt16invalid_argumentC1EPKc)
STANDARD_EXCEPTION(_ZNSt12length_errorC1EPKc)
STANDARD_EXCEPTION(_ZNSt12domain_errorC1EPKc)
