// Goal: crsem_*, crmutex_*, crcond_*, crbarrier_* and crrwlock_* can't be told from their models:
// every test runs on both.
#include <vector>

#include "thread/conformance.h"

namespace belay {
namespace {

using SyncConformance = Conformance;
INSTANTIATE_TEST_SUITE_P(Apis, SyncConformance, testing::Values(&kPthread, &kBelay), api_name);

const timespec kInvalid = {0, 1'000'000'000};  // nanoseconds end at 999,999,999
const timespec kLongAgo = {1, 0};

// What fn() returns on another thread: whether this one holds a lock.
template <class Fn>
int on_other_thread(const ThreadApi& api, Fn fn) {
  int result = -1;
  std::function<void*()> body = [&]() -> void* {
    result = fn();
    return nullptr;
  };
  pthread_t thread;
  EXPECT_EQ(api.create(&thread, 0, false, Conformance::call, &body), 0);
  EXPECT_EQ(api.join(thread, nullptr), 0);
  return result;
}

// ---- Semaphores: -1 and errno ----

TEST_P(SyncConformance, SemaphoreCountsAndRefuses) {
  sem_t sem;
  int count = -1;
  ASSERT_EQ(api.sem_init(&sem, 0, 2), 0);
  EXPECT_EQ(api.sem_getvalue(&sem, &count), 0);
  EXPECT_EQ(count, 2);
  EXPECT_EQ(api.sem_wait(&sem), 0);
  EXPECT_EQ(api.sem_trywait(&sem), 0);
  EXPECT_EQ(api.sem_trywait(&sem), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(api.sem_post(&sem), 0);
  EXPECT_EQ(api.sem_getvalue(&sem, &count), 0);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(api.sem_destroy(&sem), 0);
  ASSERT_EQ(api.sem_init(&sem, 0, 0), 0);
  EXPECT_EQ(api.sem_trywait(&sem), -1);
  EXPECT_EQ(api.sem_destroy(&sem), 0);
}

TEST_P(SyncConformance, SemaphoreLimits) {
  sem_t sem;
  EXPECT_EQ(api.sem_init(&sem, 0, unsigned(SEM_VALUE_MAX) + 1), -1);
  EXPECT_EQ(errno, EINVAL);
  ASSERT_EQ(api.sem_init(&sem, 0, SEM_VALUE_MAX), 0);
  EXPECT_EQ(api.sem_post(&sem), -1);
  EXPECT_EQ(errno, EOVERFLOW);
  EXPECT_EQ(api.sem_destroy(&sem), 0);
}

TEST_P(SyncConformance, SemaphoreTimedWait) {
  sem_t sem;
  ASSERT_EQ(api.sem_init(&sem, 0, 0), 0);
  EXPECT_EQ(api.sem_timedwait(&sem, &kInvalid), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(api.sem_timedwait(&sem, &kLongAgo), -1);
  EXPECT_EQ(errno, ETIMEDOUT);
  timespec soon = time_in(5);
  EXPECT_EQ(api.sem_timedwait(&sem, &soon), -1);
  EXPECT_EQ(errno, ETIMEDOUT);
  EXPECT_TRUE(is_past(soon));
  EXPECT_EQ(api.sem_post(&sem), 0);
  EXPECT_EQ(api.sem_timedwait(&sem, &kLongAgo), 0);  // free: no look at the clock
  EXPECT_EQ(api.sem_destroy(&sem), 0);
}

TEST_P(SyncConformance, SemaphorePassesTheBaton) {
  constexpr int kRounds = 10000;
  sem_t ping, pong;
  ASSERT_EQ(api.sem_init(&ping, 0, 0), 0);
  ASSERT_EQ(api.sem_init(&pong, 0, 0), 0);
  long shared = 0;
  std::function<void*()> body = [&]() -> void* {
    for (int i = 0; i < kRounds; i++) {
      api.sem_wait(&ping);
      shared = shared * 2 % 1000003;
      api.sem_post(&pong);
    }
    return nullptr;
  };
  pthread_t thread = start(body);
  long expected = 0;
  for (int i = 0; i < kRounds; i++) {
    shared++;
    expected = (expected + 1) * 2 % 1000003;
    api.sem_post(&ping);
    api.sem_wait(&pong);
  }
  join(thread);
  EXPECT_EQ(shared, expected);
}

TEST_P(SyncConformance, SemaphoreWaitIsCancelled) {
  sem_t sem;
  ASSERT_EQ(api.sem_init(&sem, 0, 0), 0);
  std::function<void*()> body = [&]() -> void* {
    api.sem_wait(&sem);
    return nullptr;
  };
  pthread_t thread = start(body);
  EXPECT_EQ(api.cancel(thread), 0);
  EXPECT_EQ(join(thread), PTHREAD_CANCELED);
}

// The one difference, which the header states.
TEST(CrSemaphore, SharedWithOtherProcessesIsEnosys) {
  sem_t sem;
  EXPECT_EQ(belay_crsem_init(&sem, 1, 0), -1);
  EXPECT_EQ(errno, ENOSYS);
}

// ---- Mutexes ----

// Runs `test` on an initialised mutex of `type`.
template <class Test>
void with_mutex(const ThreadApi& api, int type, Test test) {
  pthread_mutexattr_t attr;
  pthread_mutexattr_init(&attr);
  ASSERT_EQ(pthread_mutexattr_settype(&attr, type), 0);
  pthread_mutex_t mutex;
  ASSERT_EQ(api.mutex_init(&mutex, &attr), 0);
  pthread_mutexattr_destroy(&attr);
  test(&mutex);
  EXPECT_EQ(api.mutex_destroy(&mutex), 0);
}

TEST_P(SyncConformance, MutexExcludes) {
  constexpr int kThreads = 8, kRounds = 20000;
  pthread_mutex_t mutex = CRMUTEX_INITIALIZER;
  long count = 0;
  std::function<void*()> body = [&]() -> void* {
    for (int i = 0; i < kRounds; i++) {
      api.mutex_lock(&mutex);
      count++;
      api.mutex_unlock(&mutex);
    }
    return nullptr;
  };
  std::vector<pthread_t> threads;
  for (int i = 0; i < kThreads; i++) threads.push_back(start(body));
  for (pthread_t thread : threads) join(thread);
  EXPECT_EQ(count, kThreads * kRounds);
}

TEST_P(SyncConformance, MutexTryAndTimed) {
  pthread_mutex_t mutex;
  ASSERT_EQ(api.mutex_init(&mutex, nullptr), 0);
  ASSERT_EQ(api.mutex_lock(&mutex), 0);
  EXPECT_EQ(on_other_thread(api, [&] { return api.mutex_trylock(&mutex); }), EBUSY);
  timespec soon = time_in(5);
  EXPECT_EQ(on_other_thread(api, [&] { return api.mutex_timedlock(&mutex, &soon); }), ETIMEDOUT);
  EXPECT_TRUE(is_past(soon));
  EXPECT_EQ(on_other_thread(api, [&] { return api.mutex_timedlock(&mutex, &kInvalid); }), EINVAL);
  EXPECT_EQ(api.mutex_destroy(&mutex), EBUSY);
  EXPECT_EQ(api.mutex_unlock(&mutex), 0);
  EXPECT_EQ(api.mutex_timedlock(&mutex, &kLongAgo), 0);
  EXPECT_EQ(api.mutex_unlock(&mutex), 0);
  EXPECT_EQ(api.mutex_destroy(&mutex), 0);
  ASSERT_EQ(api.mutex_init(&mutex, nullptr), 0);
  EXPECT_EQ(api.mutex_trylock(&mutex), 0);
  EXPECT_EQ(api.mutex_unlock(&mutex), 0);
  EXPECT_EQ(api.mutex_destroy(&mutex), 0);
}

TEST_P(SyncConformance, RecursiveMutexCounts) {
  with_mutex(api, PTHREAD_MUTEX_RECURSIVE, [&](pthread_mutex_t* mutex) {
    auto try_elsewhere = [&] { return api.mutex_trylock(mutex); };
    EXPECT_EQ(api.mutex_lock(mutex), 0);
    EXPECT_EQ(api.mutex_trylock(mutex), 0);
    EXPECT_EQ(api.mutex_unlock(mutex), 0);
    EXPECT_EQ(on_other_thread(api, try_elsewhere), EBUSY);
    EXPECT_EQ(api.mutex_unlock(mutex), 0);
    EXPECT_EQ(api.mutex_unlock(mutex), EPERM);
  });
}

TEST_P(SyncConformance, ErrorCheckingMutexChecks) {
  with_mutex(api, PTHREAD_MUTEX_ERRORCHECK, [&](pthread_mutex_t* mutex) {
    EXPECT_EQ(api.mutex_unlock(mutex), EPERM);
    EXPECT_EQ(api.mutex_lock(mutex), 0);
    EXPECT_EQ(api.mutex_lock(mutex), EDEADLK);
    timespec soon = time_in(5);
    EXPECT_EQ(api.mutex_timedlock(mutex, &soon), EDEADLK);
    EXPECT_EQ(api.mutex_trylock(mutex), EBUSY);
    EXPECT_EQ(on_other_thread(api, [&] { return api.mutex_unlock(mutex); }), EPERM);
    EXPECT_EQ(api.mutex_unlock(mutex), 0);
  });
}

// ---- Condition variables ----

TEST_P(SyncConformance, ConditionHandsOverEveryItem) {
  constexpr int kItems = 5000, kConsumers = 4;
  pthread_mutex_t mutex = CRMUTEX_INITIALIZER;
  pthread_cond_t changed = CRCOND_INITIALIZER;
  int queued = 0, done = 0;
  std::function<void*()> consumer = [&]() -> void* {
    api.mutex_lock(&mutex);
    while (done < kItems) {
      if (queued == 0) {
        EXPECT_EQ(api.cond_wait(&changed, &mutex), 0);
      } else {
        queued--;
        if (++done == kItems) api.cond_broadcast(&changed);
      }
    }
    api.mutex_unlock(&mutex);
    return nullptr;
  };
  std::vector<pthread_t> threads;
  for (int i = 0; i < kConsumers; i++) threads.push_back(start(consumer));
  for (int i = 0; i < kItems; i++) {
    api.mutex_lock(&mutex);
    queued++;
    EXPECT_EQ(api.cond_signal(&changed), 0);
    api.mutex_unlock(&mutex);
  }
  for (pthread_t thread : threads) join(thread);
  EXPECT_EQ(done, kItems);
  EXPECT_EQ(queued, 0);
  EXPECT_EQ(api.cond_destroy(&changed), 0);
}

TEST_P(SyncConformance, BroadcastWakesAll) {
  constexpr int kWaiters = 16;
  pthread_mutex_t mutex = CRMUTEX_INITIALIZER;
  pthread_cond_t open, waiting;
  ASSERT_EQ(api.cond_init(&open, nullptr), 0);
  ASSERT_EQ(api.cond_init(&waiting, nullptr), 0);
  int waiters = 0;
  bool is_open = false;
  std::function<void*()> body = [&]() -> void* {
    api.mutex_lock(&mutex);
    waiters++;
    api.cond_signal(&waiting);
    while (!is_open) api.cond_wait(&open, &mutex);
    api.mutex_unlock(&mutex);
    return nullptr;
  };
  std::vector<pthread_t> threads;
  for (int i = 0; i < kWaiters; i++) threads.push_back(start(body));
  api.mutex_lock(&mutex);
  while (waiters < kWaiters) api.cond_wait(&waiting, &mutex);
  is_open = true;
  EXPECT_EQ(api.cond_broadcast(&open), 0);
  api.mutex_unlock(&mutex);
  for (pthread_t thread : threads) join(thread);
  EXPECT_EQ(api.cond_destroy(&open), 0);
  EXPECT_EQ(api.cond_destroy(&waiting), 0);
}

TEST_P(SyncConformance, ConditionTimesOutOnItsClock) {
  for (clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    ASSERT_EQ(pthread_condattr_setclock(&attr, clock), 0);
    pthread_cond_t cond;
    ASSERT_EQ(api.cond_init(&cond, &attr), 0);
    pthread_condattr_destroy(&attr);
    pthread_mutex_t mutex = CRMUTEX_INITIALIZER;
    api.mutex_lock(&mutex);
    EXPECT_EQ(api.cond_timedwait(&cond, &mutex, &kInvalid), EINVAL);
    timespec soon = time_in(5, clock);
    int error = 0;
    while (error == 0) error = api.cond_timedwait(&cond, &mutex, &soon);  // 0: spurious
    EXPECT_EQ(error, ETIMEDOUT);
    EXPECT_TRUE(is_past(soon, clock));
    EXPECT_EQ(on_other_thread(api, [&] { return api.mutex_trylock(&mutex); }), EBUSY);
    EXPECT_EQ(api.mutex_unlock(&mutex), 0);
    EXPECT_EQ(api.cond_destroy(&cond), 0);
  }
}

TEST_P(SyncConformance, CancelledWaitHoldsTheMutexInItsHandler) {
  pthread_mutex_t mutex;
  pthread_cond_t never = CRCOND_INITIALIZER;
  ASSERT_EQ(api.mutex_init(&mutex, nullptr), 0);
  sem_t locked;
  ASSERT_EQ(api.sem_init(&locked, 0, 0), 0);
  struct Handler {
    const ThreadApi& api;
    pthread_mutex_t* mutex;
    int try_error;
  } handler = {api, &mutex, 0};
  auto unlock = [](void* argument) {
    auto* h = static_cast<Handler*>(argument);
    h->try_error = h->api.mutex_trylock(h->mutex);
    h->api.mutex_unlock(h->mutex);
  };
  std::function<void*()> body = [&]() -> void* {
    api.mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &handler);
    api.sem_post(&locked);
    for (;;) api.cond_wait(&never, &mutex);
    pthread_cleanup_pop(1);
  };
  pthread_t thread = start(body);
  api.sem_wait(&locked);
  api.mutex_lock(&mutex);  // had once the thread waits
  api.mutex_unlock(&mutex);
  EXPECT_EQ(api.cancel(thread), 0);
  EXPECT_EQ(join(thread), PTHREAD_CANCELED);
  EXPECT_EQ(handler.try_error, EBUSY);
  EXPECT_EQ(api.mutex_trylock(&mutex), 0);
  EXPECT_EQ(api.mutex_unlock(&mutex), 0);
  EXPECT_EQ(api.cond_destroy(&never), 0);
}

// ---- Barriers ----

TEST_P(SyncConformance, BarrierHasOneSerialThreadARound) {
  constexpr int kThreads = 8, kRounds = 500;
  pthread_barrier_t barrier;
  EXPECT_EQ(api.barrier_init(&barrier, nullptr, 0), EINVAL);
  ASSERT_EQ(api.barrier_init(&barrier, nullptr, kThreads), 0);
  std::vector<int> arrivals(kRounds);
  std::vector<int> serials(kRounds);
  std::function<void*()> body = [&]() -> void* {
    for (int round = 0; round < kRounds; round++) {
      __atomic_add_fetch(&arrivals[round], 1, __ATOMIC_RELAXED);
      int result = api.barrier_wait(&barrier);
      if (result == CRBARRIER_SERIAL_THREAD)
        __atomic_add_fetch(&serials[round], 1, __ATOMIC_RELAXED);
      else
        EXPECT_EQ(result, 0);
      EXPECT_EQ(__atomic_load_n(&arrivals[round], __ATOMIC_RELAXED), kThreads);
    }
    return nullptr;
  };
  std::vector<pthread_t> threads;
  for (int i = 0; i < kThreads; i++) threads.push_back(start(body));
  for (pthread_t thread : threads) join(thread);
  EXPECT_EQ(serials, std::vector<int>(kRounds, 1));
  EXPECT_EQ(api.barrier_destroy(&barrier), 0);
}

// ---- Read-write locks ----

TEST_P(SyncConformance, ReadersShareAndWritersDoNot) {
  pthread_rwlock_t lock;
  ASSERT_EQ(api.rwlock_init(&lock, nullptr), 0);
  auto try_read = [&] {
    int error = api.rwlock_tryrdlock(&lock);
    if (error == 0) api.rwlock_unlock(&lock);
    return error;
  };
  auto try_write = [&] { return api.rwlock_trywrlock(&lock); };
  auto timed_read = [&] {
    timespec soon = time_in(5);
    return api.rwlock_timedrdlock(&lock, &soon);
  };
  auto timed_write = [&] {
    timespec soon = time_in(5);
    return api.rwlock_timedwrlock(&lock, &soon);
  };
  ASSERT_EQ(api.rwlock_rdlock(&lock), 0);
  EXPECT_EQ(on_other_thread(api, try_read), 0);
  EXPECT_EQ(on_other_thread(api, try_write), EBUSY);
  EXPECT_EQ(on_other_thread(api, timed_write), ETIMEDOUT);
  EXPECT_EQ(on_other_thread(api, [&] { return api.rwlock_timedwrlock(&lock, &kInvalid); }), EINVAL);
  EXPECT_EQ(api.rwlock_unlock(&lock), 0);
  ASSERT_EQ(api.rwlock_wrlock(&lock), 0);
  EXPECT_EQ(api.rwlock_rdlock(&lock), EDEADLK);
  EXPECT_EQ(api.rwlock_wrlock(&lock), EDEADLK);
  EXPECT_EQ(on_other_thread(api, try_read), EBUSY);
  EXPECT_EQ(on_other_thread(api, try_write), EBUSY);
  EXPECT_EQ(on_other_thread(api, timed_read), ETIMEDOUT);
  EXPECT_EQ(api.rwlock_unlock(&lock), 0);
  EXPECT_EQ(api.rwlock_timedrdlock(&lock, &kLongAgo), 0);
  EXPECT_EQ(api.rwlock_unlock(&lock), 0);
  EXPECT_EQ(api.rwlock_timedwrlock(&lock, &kLongAgo), 0);
  EXPECT_EQ(api.rwlock_unlock(&lock), 0);
  EXPECT_EQ(api.rwlock_destroy(&lock), 0);
}

TEST_P(SyncConformance, ReadersSeeWholeWrites) {
  constexpr int kThreads = 6, kRounds = 5000;
  pthread_rwlock_t lock = CRRWLOCK_INITIALIZER;
  long a = 0, b = 0, torn = 0;
  std::function<void*()> writer = [&]() -> void* {
    for (int i = 0; i < kRounds; i++) {
      api.rwlock_wrlock(&lock);
      a++;
      b++;
      api.rwlock_unlock(&lock);
    }
    return nullptr;
  };
  std::function<void*()> reader = [&]() -> void* {
    for (int i = 0; i < kRounds; i++) {
      api.rwlock_rdlock(&lock);
      if (a != b) __atomic_add_fetch(&torn, 1, __ATOMIC_RELAXED);
      api.rwlock_unlock(&lock);
    }
    return nullptr;
  };
  std::vector<pthread_t> threads;
  for (int i = 0; i < kThreads; i++) threads.push_back(start(i % 3 == 0 ? writer : reader));
  for (pthread_t thread : threads) join(thread);
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(a, kThreads / 3 * kRounds);
  EXPECT_EQ(b, a);
}

}  // namespace
}  // namespace belay
