// crthread_*: pthreads whose stacks come from the arena.
#include <sched.h>
#include <signal.h>

#include <cerrno>

// Declared with the visibility they are defined with.
#pragma GCC visibility push(default)
#include <belay/checkpoint_restore.h>
#pragma GCC visibility pop

#include "base/page.h"
#include "thread/registry.h"

namespace belay {
namespace {

constinit ThreadRegistry registry;

bool is_self(pthread_t thread) { return pthread_equal(thread, pthread_self()); }

void end_thread(void* record) {
  registry.lock();
  registry.reap();
  registry.end(static_cast<ThreadRecord*>(record));
  registry.unlock();
}

// A cleanup handler, so that return, crthread_exit, pthread_exit and cancellation all pass here.
void* run_thread(void* argument) {
  auto* record = static_cast<ThreadRecord*>(argument);
  void* result;
  pthread_cleanup_push(end_thread, record);
  result = record->fn(record->arg);
  // As on the other ways out: an asynchronous cancellation must not cut the handler short.
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
  pthread_cleanup_pop(1);
  return result;
}

// Creates the thread of `record`, joinable, on its stack.
int start_thread(ThreadRecord* record, size_t stack_bytes) {
  pthread_attr_t attr;
  if (int error = pthread_attr_init(&attr)) return error;
  int error = pthread_attr_setstack(&attr, record->stack.base(), stack_bytes);
  if (error == 0) error = pthread_create(&record->id, &attr, run_thread, record);
  pthread_attr_destroy(&attr);
  return error;
}

void give_up_join(void* record) {
  registry.lock();
  static_cast<ThreadRecord*>(record)->joining = false;
  registry.unlock();
}

// Calls pthread_* on another thread while it can't be reaped; ESRCH when it has been.
template <class Call>
int with_thread(pthread_t thread, Call call) {
  // A signal or cancellation of oneself may act before the call returns, so no lock is held.
  if (is_self(thread)) return call();
  registry.lock();
  int error = registry.is_stale(thread) ? ESRCH : call();
  registry.unlock();
  return error;
}

}  // namespace
}  // namespace belay

using belay::registry;

int belay_crthread_create(crthread_t* thread, const crthread_attr_t* attr, void* (*fn)(void*),
                          void* arg) {
  size_t stack_bytes = attr && attr->stack_bytes ? attr->stack_bytes : belay::kStackDefaultBytes;
  if (stack_bytes < belay::kStackMinBytes) return EINVAL;
  if (stack_bytes > SIZE_MAX / 2) return EAGAIN;
  stack_bytes = belay::page_ceil(stack_bytes);

  // The new thread may ask for its record at once, so it is started under the lock.
  registry.lock();
  registry.reap();
  belay::ThreadRecord* record = registry.create(stack_bytes);
  int error = record ? 0 : EAGAIN;
  if (record) {
    record->fn = fn;
    record->arg = arg;
    record->detached = attr && attr->detached;
    error = belay::start_thread(record, stack_bytes);
    if (error == 0) {
      *thread = record->id;
      registry.add(record);
    } else {
      registry.discard(record);
    }
  }
  registry.unlock();
  return error;
}

int belay_crthread_join(crthread_t thread, void** result) {
  registry.lock();
  belay::ThreadRecord* record = registry.find(thread);
  if (!record) {
    bool stale = registry.is_stale(thread);
    registry.unlock();
    return stale ? ESRCH : pthread_join(thread, result);
  }
  int error = registry.start_join(record, pthread_self());
  registry.unlock();
  if (error != 0) return error;

  pthread_cleanup_push(belay::give_up_join, record);
  error = pthread_join(thread, result);
  pthread_cleanup_pop(0);

  registry.lock();
  record->joining = false;
  if (error == 0) registry.remove(record);
  registry.unlock();
  return error;
}

int belay_crthread_detach(crthread_t thread) {
  registry.lock();
  belay::ThreadRecord* record = registry.find(thread);
  int error = 0;
  if (!record)
    error = registry.is_stale(thread) ? ESRCH : pthread_detach(thread);
  else if (record->detached)
    error = EINVAL;
  else if (!record->joining)  // like glibc: no error, and the thread is joined
    registry.detach(record);
  registry.reap();
  registry.unlock();
  return error;
}

void belay_crthread_exit(void* result) { pthread_exit(result); }

crthread_t belay_crthread_self(void) { return pthread_self(); }

int belay_crthread_equal(crthread_t a, crthread_t b) { return pthread_equal(a, b); }

int belay_crthread_yield(void) { return sched_yield(); }

int belay_crthread_kill(crthread_t thread, int signal) {
  return belay::with_thread(thread, [&] { return pthread_kill(thread, signal); });
}

int belay_crthread_cancel(crthread_t thread) {
  return belay::with_thread(thread, [&] { return pthread_cancel(thread); });
}

int belay_crthread_once(pthread_once_t* once, void (*fn)(void)) { return pthread_once(once, fn); }

int belay_crthread_setname(crthread_t thread, const char* name) {
  return belay::with_thread(thread, [&] { return pthread_setname_np(thread, name); });
}
