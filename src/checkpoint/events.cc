// cr_on(): functions of the program around checkpoints. They need C library state, which the helper
// has not: a thread of their own runs them, started with the first registration.
#include <belay/checkpoint_restore.h>
#include <errno.h>
#include <signal.h>

#include "base/last_error.h"
#include "base/syscall.h"
#include "checkpoint/engine.h"

namespace belay {
namespace {

constexpr int kFunctionsMax = 64;

struct Function {
  void (*run)(void*);
  void* argument;
};

// Captured with the program, so that registrations and the thread come back.
struct Events {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  Function functions[3][kFunctionsMax];
  int counts[3];
  bool thread_started;
  uint32_t asked, answered;  // futex words
  cr_event event;
} g_events;

void run_functions(cr_event event) {
  Function copies[kFunctionsMax];
  pthread_mutex_lock(&g_events.lock);
  int count = g_events.counts[event];
  for (int i = 0; i < count; i++) copies[i] = g_events.functions[event][i];
  pthread_mutex_unlock(&g_events.lock);
  for (int i = 0; i < count; i++) {
    const Function& function = copies[event == CR_PREPARE ? count - 1 - i : i];
    function.run(function.argument);
  }
}

void* events_main(void*) {
  for (uint32_t served = 0;;) {
    uint32_t asked;
    while ((asked = __atomic_load_n(&g_events.asked, __ATOMIC_ACQUIRE)) == served)
      sys::futex_wait(&g_events.asked, served);
    run_functions(g_events.event);
    served = asked;
    __atomic_store_n(&g_events.answered, served, __ATOMIC_RELEASE);
    sys::futex_wake(&g_events.answered);
  }
}

int start_thread() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  int error = pthread_create(&thread, nullptr, events_main, nullptr);
  if (error == 0) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

}  // namespace

void run_events(cr_event event) {
  if (!__atomic_load_n(&g_events.thread_started, __ATOMIC_ACQUIRE)) return;
  if (__atomic_load_n(&g_events.counts[event], __ATOMIC_ACQUIRE) == 0) return;
  g_events.event = event;
  uint32_t number = __atomic_add_fetch(&g_events.asked, 1, __ATOMIC_ACQ_REL);
  sys::futex_wake(&g_events.asked);
  uint32_t answered;
  while ((answered = __atomic_load_n(&g_events.answered, __ATOMIC_ACQUIRE)) != number)
    sys::futex_wait(&g_events.answered, answered);
}

}  // namespace belay

extern "C" __attribute__((visibility("default"))) int belay_cr_on(cr_event event,
                                                                  void (*function)(void*),
                                                                  void* argument) {
  using namespace belay;
  if (event < CR_PREPARE || event > CR_RESTART || function == nullptr) {
    return set_last_error(fail(EINVAL, "cr_on: no such event, or no function").value());
  }
  pthread_mutex_lock(&g_events.lock);
  int error = 0;
  int& count = g_events.counts[event];
  if (count == kFunctionsMax) error = ENOSPC;
  if (error == 0 && !g_events.thread_started) error = start_thread();
  if (error == 0) {
    g_events.functions[event][count] = {function, argument};
    __atomic_store_n(&count, count + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&g_events.thread_started, true, __ATOMIC_RELEASE);
  }
  pthread_mutex_unlock(&g_events.lock);
  if (error == 0) return 0;
  const char* why = error == ENOSPC ? "64 functions are registered already" : errno_text(error);
  return set_last_error(fail(error, "cr_on: {}", why).value());
}
