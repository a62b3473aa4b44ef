/* short_names.h — the documented names, mapped onto the exported belay_* ones.
 * Included by checkpoint_restore.h; define BELAY_NO_SHORT_NAMES to leave it out. */
#ifndef BELAY_SHORT_NAMES_H
#define BELAY_SHORT_NAMES_H

#include <belay/checkpoint_restore.h>

static inline int crinit(const struct crattr* attr) { return belay_crinit(attr); }
static inline int checkpoint(void) { return belay_checkpoint(); }
static inline int crcheckpoint_request(void) { return belay_crcheckpoint_request(); }
static inline int restore(void) { return belay_restore(); }
static inline int checkpoint_named(const char* name) { return belay_checkpoint_named(name); }
static inline int restore_named(const char* name) { return belay_restore_named(name); }
static inline int crdrop(const char* name) { return belay_crdrop(name); }
static inline int crverify(const char* name) { return belay_crverify(name); }
static inline int crnamed(void (*fn)(const char* name, void* arg), void* arg) {
  return belay_crnamed(fn, arg);
}
static inline int64_t crdisk_bytes(void) { return belay_crdisk_bytes(); }
static inline const char* crdirectory(void) { return belay_crdirectory(); }
static inline const char* crerror(void) { return belay_crerror(); }
static inline int cr_on(enum cr_event event, void (*fn)(void*), void* arg) {
  return belay_cr_on(event, fn, arg);
}
static inline int crstats(struct crstats* out) { return belay_crstats(out); }
static inline void* crmalloc(size_t bytes) { return belay_crmalloc(bytes); }
static inline void* crcalloc(size_t count, size_t bytes) { return belay_crcalloc(count, bytes); }
static inline void* crrealloc(void* block, size_t bytes) { return belay_crrealloc(block, bytes); }
static inline void crfree(void* block) { belay_crfree(block); }
static inline void* crmemalign(size_t alignment, size_t bytes) {
  return belay_crmemalign(alignment, bytes);
}
static inline size_t crmalloc_usable_size(const void* block) {
  return belay_crmalloc_usable_size(block);
}
static inline int crheap_stats(struct crheap_stats* out) { return belay_crheap_stats(out); }
static inline int crroot_set(const char* name, void* ptr) { return belay_crroot_set(name, ptr); }
static inline void* crroot_get(const char* name) { return belay_crroot_get(name); }
static inline int crthread_create(crthread_t* thread, const crthread_attr_t* attr,
                                  void* (*fn)(void*), void* arg) {
  return belay_crthread_create(thread, attr, fn, arg);
}
static inline int crthread_join(crthread_t thread, void** result) {
  return belay_crthread_join(thread, result);
}
static inline int crthread_detach(crthread_t thread) { return belay_crthread_detach(thread); }
__attribute__((noreturn)) static inline void crthread_exit(void* result) {
  belay_crthread_exit(result);
}
static inline crthread_t crthread_self(void) { return belay_crthread_self(); }
static inline int crthread_equal(crthread_t a, crthread_t b) { return belay_crthread_equal(a, b); }
static inline int crthread_yield(void) { return belay_crthread_yield(); }
static inline int crthread_kill(crthread_t thread, int signal) {
  return belay_crthread_kill(thread, signal);
}
static inline int crthread_cancel(crthread_t thread) { return belay_crthread_cancel(thread); }
static inline int crthread_once(pthread_once_t* once, void (*fn)(void)) {
  return belay_crthread_once(once, fn);
}
static inline int crthread_setname(crthread_t thread, const char* name) {
  return belay_crthread_setname(thread, name);
}
static inline int crsem_init(crsem_t* sem, int pshared, unsigned value) {
  return belay_crsem_init(sem, pshared, value);
}
static inline int crsem_wait(crsem_t* sem) { return belay_crsem_wait(sem); }
static inline int crsem_trywait(crsem_t* sem) { return belay_crsem_trywait(sem); }
static inline int crsem_timedwait(crsem_t* sem, const struct timespec* deadline) {
  return belay_crsem_timedwait(sem, deadline);
}
static inline int crsem_post(crsem_t* sem) { return belay_crsem_post(sem); }
static inline int crsem_getvalue(crsem_t* sem, int* value) {
  return belay_crsem_getvalue(sem, value);
}
static inline int crsem_destroy(crsem_t* sem) { return belay_crsem_destroy(sem); }
static inline int crmutex_init(crmutex_t* mutex, const pthread_mutexattr_t* attr) {
  return belay_crmutex_init(mutex, attr);
}
static inline int crmutex_lock(crmutex_t* mutex) { return belay_crmutex_lock(mutex); }
static inline int crmutex_trylock(crmutex_t* mutex) { return belay_crmutex_trylock(mutex); }
static inline int crmutex_timedlock(crmutex_t* mutex, const struct timespec* deadline) {
  return belay_crmutex_timedlock(mutex, deadline);
}
static inline int crmutex_unlock(crmutex_t* mutex) { return belay_crmutex_unlock(mutex); }
static inline int crmutex_destroy(crmutex_t* mutex) { return belay_crmutex_destroy(mutex); }
static inline int crcond_init(crcond_t* cond, const pthread_condattr_t* attr) {
  return belay_crcond_init(cond, attr);
}
static inline int crcond_wait(crcond_t* cond, crmutex_t* mutex) {
  return belay_crcond_wait(cond, mutex);
}
static inline int crcond_timedwait(crcond_t* cond, crmutex_t* mutex,
                                   const struct timespec* deadline) {
  return belay_crcond_timedwait(cond, mutex, deadline);
}
static inline int crcond_signal(crcond_t* cond) { return belay_crcond_signal(cond); }
static inline int crcond_broadcast(crcond_t* cond) { return belay_crcond_broadcast(cond); }
static inline int crcond_destroy(crcond_t* cond) { return belay_crcond_destroy(cond); }
#ifdef PTHREAD_BARRIER_SERIAL_THREAD
static inline int crbarrier_init(crbarrier_t* barrier, const pthread_barrierattr_t* attr,
                                 unsigned count) {
  return belay_crbarrier_init(barrier, attr, count);
}
static inline int crbarrier_wait(crbarrier_t* barrier) { return belay_crbarrier_wait(barrier); }
static inline int crbarrier_destroy(crbarrier_t* barrier) {
  return belay_crbarrier_destroy(barrier);
}
#endif
#ifdef PTHREAD_RWLOCK_INITIALIZER
static inline int crrwlock_init(crrwlock_t* lock, const pthread_rwlockattr_t* attr) {
  return belay_crrwlock_init(lock, attr);
}
static inline int crrwlock_rdlock(crrwlock_t* lock) { return belay_crrwlock_rdlock(lock); }
static inline int crrwlock_tryrdlock(crrwlock_t* lock) { return belay_crrwlock_tryrdlock(lock); }
static inline int crrwlock_timedrdlock(crrwlock_t* lock, const struct timespec* deadline) {
  return belay_crrwlock_timedrdlock(lock, deadline);
}
static inline int crrwlock_wrlock(crrwlock_t* lock) { return belay_crrwlock_wrlock(lock); }
static inline int crrwlock_trywrlock(crrwlock_t* lock) { return belay_crrwlock_trywrlock(lock); }
static inline int crrwlock_timedwrlock(crrwlock_t* lock, const struct timespec* deadline) {
  return belay_crrwlock_timedwrlock(lock, deadline);
}
static inline int crrwlock_unlock(crrwlock_t* lock) { return belay_crrwlock_unlock(lock); }
static inline int crrwlock_destroy(crrwlock_t* lock) { return belay_crrwlock_destroy(lock); }
#endif

#endif
