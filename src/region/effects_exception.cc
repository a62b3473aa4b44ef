// C++ exceptions, and the guards of static locals.
#include "region/actions.h"
#include "region/effect.h"
#include "region/exceptions.h"
#include "region/mutant.h"

using namespace belay::region;

extern "C" {
#define BELAY_WEAK __attribute__((weak))
BELAY_WEAK void* __cxa_allocate_exception(size_t);
BELAY_WEAK void __cxa_throw(void*, void*, void (*)(void*));
BELAY_WEAK int __cxa_guard_acquire(uint64_t*);
BELAY_WEAK void __cxa_guard_release(uint64_t*);
BELAY_WEAK void __cxa_guard_abort(uint64_t*);
BELAY_WEAK void _ZNSt15__exception_ptr13exception_ptr9_M_addrefEv(void**);
BELAY_WEAK void _ZNSt15__exception_ptr13exception_ptrC1EPv(void**, void*);
BELAY_WEAK void _ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE(void**);
#undef BELAY_WEAK
}

EFFECT(void*, __cxa_allocate_exception, (size_t bytes)) {
  void* exception = __cxa_allocate_exception(bytes);
  note_exception(exception, bytes);
  return exception;
}
EFFECT(void, __cxa_throw, (void* exception, void* type, void (*destroy)(void*))) {
  if (!BELAY_MUTANT(exceptions_not_spared)) note_throw(exception);
  __cxa_throw(exception, type, destroy);
}
EFFECT(void, __cxa_free_exception, (void* exception)) { note_unthrown(exception); }
EFFECT(void, __cxa_end_catch, ()) { end_handler(); }

// std::exception_ptr, a pointer to the exception. The headers' inline parts use these.
EFFECT(void, _ZNSt15__exception_ptr13exception_ptr9_M_addrefEv, (void** self)) {
  _ZNSt15__exception_ptr13exception_ptr9_M_addrefEv(self);
  add_exception_ref(*self);
}
EFFECT(void, _ZNSt15__exception_ptr13exception_ptr10_M_releaseEv, (void** self)) {
  if (*self == nullptr) return;
  void* object = *self;
  log_bytes(self, sizeof *self);
  *self = nullptr;
  drop_exception_ref(object, ExceptionRef::kPointer);
}
EFFECT(void, _ZNSt15__exception_ptr13exception_ptrC1EPv, (void** self, void* object)) {
  log_bytes(self, sizeof *self);
  _ZNSt15__exception_ptr13exception_ptrC1EPv(self, object);
  add_exception_ref(object);
}

EFFECT(void, _ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE, (void** pointer)) {
  note_rethrow(*pointer);
  _ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE(pointer);
}

// A table of virtual functions and a std::exception_ptr.
EFFECT(void, _ZNSt16nested_exceptionD2Ev, (void** self)) {
  fx__ZNSt15__exception_ptr13exception_ptr10_M_releaseEv(self + 1);
}

// The reference that it takes counts as the constructor's does.
BELAY_EXPORT ExceptionPtr fx_current_exception() __asm__("_ZSt17current_exceptionv.ckpt");
ExceptionPtr fx_current_exception() {
  ExceptionPtr current = current_exception();
  add_exception_ref(current.object);
  return current;
}

// The guard of a static local: after a rollback it is to be initialised again. Not by the log, for
// the guard's words may be another thread's, which initialises it and which this one waits for.
static void initialise_again(void* guard) { __cxa_guard_abort(static_cast<uint64_t*>(guard)); }

EFFECT(int, __cxa_guard_acquire, (uint64_t * guard)) {
  const int is_ours = __cxa_guard_acquire(guard);
  if (is_ours) on_rollback(initialise_again, guard);
  return is_ours;
}
EFFECT(void, __cxa_guard_release, (uint64_t * guard)) { __cxa_guard_release(guard); }
EFFECT(void, __cxa_guard_abort, (uint64_t * guard)) {
  cancel_action(initialise_again, guard);
  __cxa_guard_abort(guard);
}
