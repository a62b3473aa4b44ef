// crsem_*, crmutex_*, crcond_*, crbarrier_*, crrwlock_*: the C library's own. Their state is in
// the object, so it comes back with the memory the program keeps it in, and a thread asleep in one
// needs nothing but to be asleep again.
#include <cerrno>

#pragma GCC visibility push(default)
#include <belay/checkpoint_restore.h>
#pragma GCC visibility pop

int belay_crsem_init(crsem_t* sem, int pshared, unsigned value) {
  // A checkpoint is of one process: the other side of the semaphore would not come back.
  if (pshared != 0) {
    errno = ENOSYS;
    return -1;
  }
  return sem_init(sem, 0, value);
}

int belay_crsem_wait(crsem_t* sem) { return sem_wait(sem); }
int belay_crsem_trywait(crsem_t* sem) { return sem_trywait(sem); }
int belay_crsem_timedwait(crsem_t* sem, const struct timespec* deadline) {
  return sem_timedwait(sem, deadline);
}
int belay_crsem_post(crsem_t* sem) { return sem_post(sem); }
int belay_crsem_getvalue(crsem_t* sem, int* value) { return sem_getvalue(sem, value); }
int belay_crsem_destroy(crsem_t* sem) { return sem_destroy(sem); }

int belay_crmutex_init(crmutex_t* mutex, const pthread_mutexattr_t* attr) {
  return pthread_mutex_init(mutex, attr);
}
int belay_crmutex_lock(crmutex_t* mutex) { return pthread_mutex_lock(mutex); }
int belay_crmutex_trylock(crmutex_t* mutex) { return pthread_mutex_trylock(mutex); }
int belay_crmutex_timedlock(crmutex_t* mutex, const struct timespec* deadline) {
  return pthread_mutex_timedlock(mutex, deadline);
}
int belay_crmutex_unlock(crmutex_t* mutex) { return pthread_mutex_unlock(mutex); }
int belay_crmutex_destroy(crmutex_t* mutex) { return pthread_mutex_destroy(mutex); }

int belay_crcond_init(crcond_t* cond, const pthread_condattr_t* attr) {
  return pthread_cond_init(cond, attr);
}
int belay_crcond_wait(crcond_t* cond, crmutex_t* mutex) { return pthread_cond_wait(cond, mutex); }
int belay_crcond_timedwait(crcond_t* cond, crmutex_t* mutex, const struct timespec* deadline) {
  return pthread_cond_timedwait(cond, mutex, deadline);
}
int belay_crcond_signal(crcond_t* cond) { return pthread_cond_signal(cond); }
int belay_crcond_broadcast(crcond_t* cond) { return pthread_cond_broadcast(cond); }
int belay_crcond_destroy(crcond_t* cond) { return pthread_cond_destroy(cond); }

int belay_crbarrier_init(crbarrier_t* barrier, const pthread_barrierattr_t* attr, unsigned count) {
  return pthread_barrier_init(barrier, attr, count);
}
int belay_crbarrier_wait(crbarrier_t* barrier) { return pthread_barrier_wait(barrier); }
int belay_crbarrier_destroy(crbarrier_t* barrier) { return pthread_barrier_destroy(barrier); }

int belay_crrwlock_init(crrwlock_t* lock, const pthread_rwlockattr_t* attr) {
  return pthread_rwlock_init(lock, attr);
}
int belay_crrwlock_rdlock(crrwlock_t* lock) { return pthread_rwlock_rdlock(lock); }
int belay_crrwlock_tryrdlock(crrwlock_t* lock) { return pthread_rwlock_tryrdlock(lock); }
int belay_crrwlock_timedrdlock(crrwlock_t* lock, const struct timespec* deadline) {
  return pthread_rwlock_timedrdlock(lock, deadline);
}
int belay_crrwlock_wrlock(crrwlock_t* lock) { return pthread_rwlock_wrlock(lock); }
int belay_crrwlock_trywrlock(crrwlock_t* lock) { return pthread_rwlock_trywrlock(lock); }
int belay_crrwlock_timedwrlock(crrwlock_t* lock, const struct timespec* deadline) {
  return pthread_rwlock_timedwrlock(lock, deadline);
}
int belay_crrwlock_unlock(crrwlock_t* lock) { return pthread_rwlock_unlock(lock); }
int belay_crrwlock_destroy(crrwlock_t* lock) { return pthread_rwlock_destroy(lock); }
