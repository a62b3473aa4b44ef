// pthread.h, semaphore.h. A lock's words are never logged by these: other threads may change them.
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>

#include "region/actions.h"
#include "region/effect.h"

using namespace belay::region;

namespace {

void lock_mutex(void* mutex) { pthread_mutex_lock(static_cast<pthread_mutex_t*>(mutex)); }
void unlock_mutex(void* mutex) { pthread_mutex_unlock(static_cast<pthread_mutex_t*>(mutex)); }
void unlock_both(void* lock) { pthread_rwlock_unlock(static_cast<pthread_rwlock_t*>(lock)); }
void lock_for_reading(void* lock) { pthread_rwlock_rdlock(static_cast<pthread_rwlock_t*>(lock)); }
void lock_for_writing(void* lock) { pthread_rwlock_wrlock(static_cast<pthread_rwlock_t*>(lock)); }
void post(void* semaphore) { sem_post(static_cast<sem_t*>(semaphore)); }
void take(void* semaphore) { sem_trywait(static_cast<sem_t*>(semaphore)); }

// Undone by `undo`, or undoes what the region has done itself.
int noted(int result, void* lock, void (*undo)(void*), void (*opposite)(void*)) {
  if (result == 0 && (opposite == nullptr || !cancel_action(opposite, lock)))
    on_rollback(undo, lock);
  return result;
}

}  // namespace

EFFECT(int, pthread_mutex_lock, (pthread_mutex_t * mutex)) {
  return noted(pthread_mutex_lock(mutex), mutex, unlock_mutex, nullptr);
}
EFFECT(int, pthread_mutex_trylock, (pthread_mutex_t * mutex)) {
  return noted(pthread_mutex_trylock(mutex), mutex, unlock_mutex, nullptr);
}
EFFECT(int, pthread_mutex_timedlock, (pthread_mutex_t * mutex, const timespec* until)) {
  return noted(pthread_mutex_timedlock(mutex, until), mutex, unlock_mutex, nullptr);
}
EFFECT(int, pthread_mutex_clocklock,
       (pthread_mutex_t * mutex, clockid_t clock, const timespec* until)) {
  return noted(pthread_mutex_clocklock(mutex, clock, until), mutex, unlock_mutex, nullptr);
}
EFFECT(int, pthread_mutex_unlock, (pthread_mutex_t * mutex)) {
  return noted(pthread_mutex_unlock(mutex), mutex, lock_mutex, unlock_mutex);
}
EFFECT(int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock)) {
  return noted(pthread_rwlock_rdlock(lock), lock, unlock_both, nullptr);
}
EFFECT(int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock)) {
  return noted(pthread_rwlock_wrlock(lock), lock, unlock_both, nullptr);
}
EFFECT(int, pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock)) {
  return noted(pthread_rwlock_tryrdlock(lock), lock, unlock_both, nullptr);
}
EFFECT(int, pthread_rwlock_trywrlock, (pthread_rwlock_t * lock)) {
  return noted(pthread_rwlock_trywrlock(lock), lock, unlock_both, nullptr);
}
EFFECT(int, pthread_rwlock_timedrdlock, (pthread_rwlock_t * lock, const timespec* until)) {
  return noted(pthread_rwlock_timedrdlock(lock, until), lock, unlock_both, nullptr);
}
EFFECT(int, pthread_rwlock_timedwrlock, (pthread_rwlock_t * lock, const timespec* until)) {
  return noted(pthread_rwlock_timedwrlock(lock, until), lock, unlock_both, nullptr);
}
EFFECT(int, pthread_rwlock_clockrdlock,
       (pthread_rwlock_t * lock, clockid_t clock, const timespec* until)) {
  return noted(pthread_rwlock_clockrdlock(lock, clock, until), lock, unlock_both, nullptr);
}
EFFECT(int, pthread_rwlock_clockwrlock,
       (pthread_rwlock_t * lock, clockid_t clock, const timespec* until)) {
  return noted(pthread_rwlock_clockwrlock(lock, clock, until), lock, unlock_both, nullptr);
}
// glibc knows who has it for writing; whoever unlocks it otherwise has it for reading.
EFFECT(int, pthread_rwlock_unlock, (pthread_rwlock_t * lock)) {
  const bool writes = lock->__data.__cur_writer == gettid();
  return noted(pthread_rwlock_unlock(lock), lock, writes ? lock_for_writing : lock_for_reading,
               unlock_both);
}
EFFECT(int, sem_wait, (sem_t * semaphore)) {
  return noted(sem_wait(semaphore), semaphore, post, take);
}
EFFECT(int, sem_trywait, (sem_t * semaphore)) {
  return noted(sem_trywait(semaphore), semaphore, post, take);
}
EFFECT(int, sem_timedwait, (sem_t * semaphore, const timespec* until)) {
  return noted(sem_timedwait(semaphore, until), semaphore, post, take);
}
EFFECT(int, sem_clockwait, (sem_t * semaphore, clockid_t clock, const timespec* until)) {
  return noted(sem_clockwait(semaphore, clock, until), semaphore, post, take);
}
EFFECT(int, sem_post, (sem_t * semaphore)) {
  return noted(sem_post(semaphore), semaphore, take, post);
}

namespace {

struct Once {
  pthread_once_t* control;
  void (*function)();
};
thread_local BELAY_TLS Once once;

// Whoever waits for a function that the rollback leaves is to call it.
void call_again(void* control) {
  __atomic_store_n(static_cast<pthread_once_t*>(control), PTHREAD_ONCE_INIT, __ATOMIC_RELEASE);
  syscall(SYS_futex, control, FUTEX_WAKE_PRIVATE, INT_MAX);
}

void call_once() {
  on_rollback(call_again, once.control);
  once.function();
}

}  // namespace

EFFECT(int, pthread_once, (pthread_once_t * control, void (*function)())) {
  if (!in_region()) return pthread_once(control, function);
  once = {control, clone_of(function)};
  return pthread_once(control, call_once);
}

namespace {

void* as_argument(pthread_key_t key) { return reinterpret_cast<void*>(uintptr_t{key}); }
void delete_key(void* key) {
  pthread_key_delete(static_cast<pthread_key_t>(reinterpret_cast<uintptr_t>(key)));
}

// Where libc keeps the values of a thread's first 32 keys, each behind the number of the key's
// present use: found by a value, as far from a thread's descriptor in all threads.
struct Slot {
  uintptr_t use;
  const void* value;
};
constexpr pthread_key_t kSlots = 32;
size_t slots_at;  // from the descriptor; 0 if they are not found

__attribute__((constructor(101))) void find_slots() {
  constexpr size_t kDescriptorWords = 200;  // it has some 290
  pthread_key_t key;
  if (pthread_key_create(&key, nullptr) != 0) return;
  if (key < kSlots && pthread_setspecific(key, &slots_at) == 0) {
    auto* words = reinterpret_cast<const void**>(pthread_self());
    for (size_t i = 1 + 2 * key; i < kDescriptorWords; i++)
      if (words[i] == &slots_at) slots_at = (i - 1 - 2 * key) * sizeof *words;
    pthread_setspecific(key, nullptr);
  }
  pthread_key_delete(key);
}

Slot* slot_of(pthread_key_t key) {
  if (key >= kSlots || slots_at == 0) return nullptr;
  return reinterpret_cast<Slot*>(pthread_self() + slots_at) + key;
}

struct Value {
  pthread_key_t key;
  const void* value;
};
void set_value(void* argument) {
  auto* old = static_cast<Value*>(argument);
  pthread_setspecific(old->key, old->value);
  free(old);
}

}  // namespace

EFFECT(int, pthread_key_create, (pthread_key_t * key, void (*end)(void*))) {
  log_bytes(key, sizeof *key);
  int result = pthread_key_create(key, end);
  if (result == 0) on_rollback(delete_key, as_argument(*key));
  return result;
}
EFFECT(int, pthread_key_delete, (pthread_key_t key)) {
  on_commit(delete_key, as_argument(key));
  return 0;
}
EFFECT(int, pthread_setspecific, (pthread_key_t key, const void* value)) {
  if (Slot* slot = slot_of(key)) {
    log_bytes(slot, sizeof *slot);
  } else if (in_region()) {
    auto* old = static_cast<Value*>(malloc(sizeof(Value)));
    if (old == nullptr) return ENOMEM;
    *old = {key, pthread_getspecific(key)};
    on_rollback_only(set_value, old);
  }
  return pthread_setspecific(key, value);
}

// pthread_cleanup_push() and _pop() of C: what the thread runs if it is cancelled. They come in
// pairs, so that all is as at the start once the first of them is gone.
namespace {

void leave_cleanup(void* copy) {
  __pthread_unregister_cancel(static_cast<__pthread_unwind_buf_t*>(copy));
  free(copy);
}

}  // namespace

EFFECT(void, __pthread_register_cancel, (__pthread_unwind_buf_t * buffer)) {
  log_bytes(buffer, sizeof *buffer);
  __pthread_register_cancel(buffer);
  if (!in_region()) return;
  auto* copy = static_cast<__pthread_unwind_buf_t*>(malloc(sizeof *buffer));
  if (copy == nullptr) fatal("no memory for %zu bytes", sizeof *buffer);
  *copy = *buffer;
  on_rollback_only(leave_cleanup, copy);
}
