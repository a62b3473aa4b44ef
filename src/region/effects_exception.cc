// C++ exceptions: what is thrown leaves the region with its contents, whatever becomes of the rest.
#include <malloc.h>

#include "region/effect.h"
#include "region/mutant.h"
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
  making = {exception, bytes, this_thread.births.size(), static_cast<std::byte*>(__belay_log_top)};
  return exception;
}

// Blocks that were allocated while the exception was made are taken for its own. One that is not
// leaks if the region is rolled back; the other error would be a dangling pointer.
EFFECT(void, __cxa_throw, (void* exception, void* type, void (*destroy)(void*))) {
  if (exception == making.exception && !BELAY_MUTANT(exceptions_not_spared)) {
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
#define BELAY_CONSTRUCTOR(name)                                   \
  extern "C" __attribute__((weak)) void name(void*, const void*); \
  EFFECT(void, name, (void* self, const void* from)) {            \
    log_bytes(self, 2 * sizeof(void*));                           \
    name(self, from);                                             \
  }
#define BELAY_STANDARD_EXCEPTION(name)                                                      \
  BELAY_CONSTRUCTOR(_ZNSt##name##C1EPKc)                                                    \
  BELAY_CONSTRUCTOR(_ZNSt##name##C2EPKc)                                                    \
  BELAY_CONSTRUCTOR(_ZNSt##name##C1ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE) \
  BELAY_CONSTRUCTOR(_ZNSt##name##C2ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE)
BELAY_STANDARD_EXCEPTION(11logic_error)
BELAY_STANDARD_EXCEPTION(11range_error)
BELAY_STANDARD_EXCEPTION(12domain_error)
BELAY_STANDARD_EXCEPTION(12length_error)
BELAY_STANDARD_EXCEPTION(12out_of_range)
BELAY_STANDARD_EXCEPTION(13runtime_error)
BELAY_STANDARD_EXCEPTION(14overflow_error)
BELAY_STANDARD_EXCEPTION(15underflow_error)
BELAY_STANDARD_EXCEPTION(16invalid_argument)
BELAY_CONSTRUCTOR(_ZNSt13runtime_errorC1ERKS_)
BELAY_CONSTRUCTOR(_ZNSt13runtime_errorC2ERKS_)
BELAY_CONSTRUCTOR(_ZNSt11logic_errorC1ERKS_)
BELAY_CONSTRUCTOR(_ZNSt11logic_errorC2ERKS_)
