// The vocabulary of the conformance tests: the same functions from the C library and from Belay.
#pragma once

#include <belay/checkpoint_restore.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#include <functional>
#include <string>

namespace belay {

struct ThreadApi {
  const char* name;
  // 0 bytes: the default. The two attribute types differ, so this hides them.
  int (*create)(pthread_t*, size_t stack_bytes, bool detached, void* (*)(void*), void*);
  int (*join)(pthread_t, void**);
  int (*detach)(pthread_t);
  void (*exit)(void*);
  pthread_t (*self)();
  int (*equal)(pthread_t, pthread_t);
  int (*kill)(pthread_t, int);
  int (*cancel)(pthread_t);
  int (*once)(pthread_once_t*, void (*)());
  int (*setname)(pthread_t, const char*);

  int (*sem_init)(sem_t*, int, unsigned);
  int (*sem_wait)(sem_t*);
  int (*sem_trywait)(sem_t*);
  int (*sem_timedwait)(sem_t*, const timespec*);
  int (*sem_post)(sem_t*);
  int (*sem_getvalue)(sem_t*, int*);
  int (*sem_destroy)(sem_t*);

  int (*mutex_init)(pthread_mutex_t*, const pthread_mutexattr_t*);
  int (*mutex_lock)(pthread_mutex_t*);
  int (*mutex_trylock)(pthread_mutex_t*);
  int (*mutex_timedlock)(pthread_mutex_t*, const timespec*);
  int (*mutex_unlock)(pthread_mutex_t*);
  int (*mutex_destroy)(pthread_mutex_t*);

  int (*cond_init)(pthread_cond_t*, const pthread_condattr_t*);
  int (*cond_wait)(pthread_cond_t*, pthread_mutex_t*);
  int (*cond_timedwait)(pthread_cond_t*, pthread_mutex_t*, const timespec*);
  int (*cond_signal)(pthread_cond_t*);
  int (*cond_broadcast)(pthread_cond_t*);
  int (*cond_destroy)(pthread_cond_t*);

  int (*barrier_init)(pthread_barrier_t*, const pthread_barrierattr_t*, unsigned);
  int (*barrier_wait)(pthread_barrier_t*);
  int (*barrier_destroy)(pthread_barrier_t*);

  int (*rwlock_init)(pthread_rwlock_t*, const pthread_rwlockattr_t*);
  int (*rwlock_rdlock)(pthread_rwlock_t*);
  int (*rwlock_tryrdlock)(pthread_rwlock_t*);
  int (*rwlock_timedrdlock)(pthread_rwlock_t*, const timespec*);
  int (*rwlock_wrlock)(pthread_rwlock_t*);
  int (*rwlock_trywrlock)(pthread_rwlock_t*);
  int (*rwlock_timedwrlock)(pthread_rwlock_t*, const timespec*);
  int (*rwlock_unlock)(pthread_rwlock_t*);
  int (*rwlock_destroy)(pthread_rwlock_t*);
};

// pthreads with the default stack of Belay's, so that 1,000 of them fit anywhere.
inline int create_pthread(pthread_t* thread, size_t stack_bytes, bool detached, void* (*fn)(void*),
                          void* arg) {
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  int error = pthread_attr_setstacksize(&attr, stack_bytes ? stack_bytes : 256 << 10);
  if (detached) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  if (error == 0) error = pthread_create(thread, &attr, fn, arg);
  pthread_attr_destroy(&attr);
  return error;
}

inline int create_crthread(pthread_t* thread, size_t stack_bytes, bool detached, void* (*fn)(void*),
                           void* arg) {
  crthread_attr_t attr = {stack_bytes, detached};
  return belay_crthread_create(thread, stack_bytes || detached ? &attr : nullptr, fn, arg);
}

// clang-format off
inline const ThreadApi kPthread = {
  "pthread", create_pthread, pthread_join, pthread_detach, pthread_exit, pthread_self,
  pthread_equal, pthread_kill, pthread_cancel, pthread_once, pthread_setname_np,
  sem_init, sem_wait, sem_trywait, sem_timedwait, sem_post, sem_getvalue, sem_destroy,
  pthread_mutex_init, pthread_mutex_lock, pthread_mutex_trylock, pthread_mutex_timedlock,
  pthread_mutex_unlock, pthread_mutex_destroy,
  pthread_cond_init, pthread_cond_wait, pthread_cond_timedwait, pthread_cond_signal,
  pthread_cond_broadcast, pthread_cond_destroy,
  pthread_barrier_init, pthread_barrier_wait, pthread_barrier_destroy,
  pthread_rwlock_init, pthread_rwlock_rdlock, pthread_rwlock_tryrdlock, pthread_rwlock_timedrdlock,
  pthread_rwlock_wrlock, pthread_rwlock_trywrlock, pthread_rwlock_timedwrlock,
  pthread_rwlock_unlock, pthread_rwlock_destroy};

inline const ThreadApi kBelay = {
  "belay", create_crthread, belay_crthread_join, belay_crthread_detach, belay_crthread_exit,
  belay_crthread_self, belay_crthread_equal, belay_crthread_kill, belay_crthread_cancel,
  belay_crthread_once, belay_crthread_setname,
  belay_crsem_init, belay_crsem_wait, belay_crsem_trywait, belay_crsem_timedwait, belay_crsem_post,
  belay_crsem_getvalue, belay_crsem_destroy,
  belay_crmutex_init, belay_crmutex_lock, belay_crmutex_trylock, belay_crmutex_timedlock,
  belay_crmutex_unlock, belay_crmutex_destroy,
  belay_crcond_init, belay_crcond_wait, belay_crcond_timedwait, belay_crcond_signal,
  belay_crcond_broadcast, belay_crcond_destroy,
  belay_crbarrier_init, belay_crbarrier_wait, belay_crbarrier_destroy,
  belay_crrwlock_init, belay_crrwlock_rdlock, belay_crrwlock_tryrdlock,
  belay_crrwlock_timedrdlock, belay_crrwlock_wrlock, belay_crrwlock_trywrlock,
  belay_crrwlock_timedwrlock, belay_crrwlock_unlock, belay_crrwlock_destroy};
// clang-format on

class Conformance : public testing::TestWithParam<const ThreadApi*> {
 public:
  // A thread's function: calls the std::function that `body` points to.
  static void* call(void* body) { return (*static_cast<std::function<void*()>*>(body))(); }

 protected:
  const ThreadApi& api = *GetParam();

  // Runs `body` on a new thread of the library under test. `body` must outlive it.
  pthread_t start(const std::function<void*()>& body, bool detached = false) {
    pthread_t thread = {};
    EXPECT_EQ(api.create(&thread, 0, detached, call, const_cast<std::function<void*()>*>(&body)),
              0);
    return thread;
  }
  void* join(pthread_t thread) {
    void* result = nullptr;
    EXPECT_EQ(api.join(thread, &result), 0);
    return result;
  }
};

inline std::string api_name(const testing::TestParamInfo<const ThreadApi*>& info) {
  return info.param->name;
}

// The time on `clock`, `ms` milliseconds on.
inline timespec time_in(long ms, clockid_t clock = CLOCK_REALTIME) {
  timespec t;
  clock_gettime(clock, &t);
  t.tv_sec += ms / 1000;
  t.tv_nsec += ms % 1000 * 1'000'000;
  if (t.tv_nsec >= 1'000'000'000) {
    t.tv_sec++;
    t.tv_nsec -= 1'000'000'000;
  }
  return t;
}

inline bool is_past(const timespec& t, clockid_t clock = CLOCK_REALTIME) {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec != t.tv_sec ? now.tv_sec > t.tv_sec : now.tv_nsec >= t.tv_nsec;
}

}  // namespace belay
