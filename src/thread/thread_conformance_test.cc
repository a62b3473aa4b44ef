// Goal: crthread_* can't be told from pthread_*: every test runs on both. Then what only Belay's
// promise: stacks in the arena behind a guard page, none of them leaked.
#include <dirent.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <vector>

#include "thread/conformance.h"
#include "thread/stack.h"

namespace belay {
namespace {

void* value(intptr_t n) { return reinterpret_cast<void*>(n); }

// Returns when the kernel says that thread `tid` sleeps; the caller knows what only it can wait
// for.
void wait_until_asleep(int tid) {
  std::string path = "/proc/self/task/" + std::to_string(tid) + "/stat";
  for (std::string line; line.find(") S ") == line.npos; sched_yield())
    std::getline(std::ifstream(path), line);
}

// Returns when this thread is the only one the kernel knows.
void wait_until_alone() {
  for (int threads = 0; threads != 1; sched_yield()) {
    threads = 0;
    DIR* tasks = opendir("/proc/self/task");
    while (dirent* entry = readdir(tasks)) threads += entry->d_name[0] != '.';
    closedir(tasks);
  }
}

INSTANTIATE_TEST_SUITE_P(Apis, Conformance, testing::Values(&kPthread, &kBelay), api_name);

TEST_P(Conformance, JoinGivesReturnedExitedAndCancelledValues) {
  std::function<void*()> returns = [] { return value(42); };
  EXPECT_EQ(join(start(returns)), value(42));
  std::function<void*()> exits = [this]() -> void* {
    api.exit(value(43));
    return nullptr;
  };
  EXPECT_EQ(join(start(exits)), value(43));
  std::function<void*()> waits = []() -> void* {
    for (;;) pause();
  };
  pthread_t waiting = start(waits);
  EXPECT_EQ(api.cancel(waiting), 0);
  EXPECT_EQ(join(waiting), PTHREAD_CANCELED);
}

TEST_P(Conformance, SelfIsTheIdThatCreateGave) {
  pthread_t self = {};
  std::function<void*()> body = [&]() -> void* {
    self = api.self();
    return nullptr;
  };
  pthread_t thread = start(body);
  join(thread);
  EXPECT_TRUE(api.equal(thread, self));
  EXPECT_FALSE(api.equal(thread, api.self()));
}

TEST_P(Conformance, JoiningDetachedThreadIsEinval) {
  sem_t go;
  sem_init(&go, 0, 0);
  std::function<void*()> body = [&]() -> void* {
    sem_wait(&go);
    return nullptr;
  };
  for (bool detached : {true, false}) {
    pthread_t thread = start(body, detached);
    if (!detached) {
      EXPECT_EQ(api.detach(thread), 0);
    }
    EXPECT_EQ(api.detach(thread), EINVAL);
    EXPECT_EQ(api.join(thread, nullptr), EINVAL);
    sem_post(&go);
    wait_until_alone();
  }
}

TEST_P(Conformance, JoiningOneselfIsEdeadlk) {
  std::function<void*()> body = [&] { return value(api.join(api.self(), nullptr)); };
  EXPECT_EQ(join(start(body)), value(EDEADLK));
}

TEST_P(Conformance, CleanupHandlersRunInReverse) {
  static std::vector<int> order;
  order.clear();
  sem_t ready;
  sem_init(&ready, 0, 0);
  std::function<void*()> body = [&]() -> void* {
    auto note = [](void* n) { order.push_back(int(reinterpret_cast<intptr_t>(n))); };
    pthread_cleanup_push(note, value(1));
    pthread_cleanup_push(note, value(2));
    sem_post(&ready);
    for (;;) pause();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
  };
  pthread_t thread = start(body);
  sem_wait(&ready);
  EXPECT_EQ(api.cancel(thread), 0);
  EXPECT_EQ(join(thread), PTHREAD_CANCELED);
  EXPECT_EQ(order, (std::vector<int>{2, 1}));
}

TEST_P(Conformance, CancelWaitsWhileDisabled) {
  sem_t ready, go;
  sem_init(&ready, 0, 0);
  sem_init(&go, 0, 0);
  bool reached = false;
  std::function<void*()> body = [&]() -> void* {
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    sem_post(&ready);
    sem_wait(&go);
    reached = true;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
    pthread_testcancel();
    return nullptr;
  };
  pthread_t thread = start(body);
  sem_wait(&ready);
  EXPECT_EQ(api.cancel(thread), 0);
  sem_post(&go);
  EXPECT_EQ(join(thread), PTHREAD_CANCELED);
  EXPECT_TRUE(reached);
}

TEST_P(Conformance, DestructorsOfThreadStateRunOnEveryWayOut) {
  static int keys, objects;
  struct Counted {
    int touched = 0;
    ~Counted() { objects++; }
  };
  pthread_key_t key;
  ASSERT_EQ(pthread_key_create(&key, [](void*) { keys++; }), 0);
  keys = objects = 0;
  for (int way = 0; way < 3; way++) {
    std::function<void*()> body = [&, way]() -> void* {
      static thread_local Counted object;
      object.touched = 1;
      pthread_setspecific(key, &keys);
      if (way == 1) api.exit(nullptr);
      if (way == 2) {
        api.cancel(api.self());
        pthread_testcancel();
      }
      return nullptr;
    };
    join(start(body));
    EXPECT_EQ(keys, way + 1);
    EXPECT_EQ(objects, way + 1);
  }
  pthread_key_delete(key);
}

TEST_P(Conformance, OnceRunsOnce) {
  static int runs;
  runs = 0;
  pthread_once_t once = PTHREAD_ONCE_INIT;
  std::function<void*()> body = [&]() -> void* {
    api.once(&once, [] { runs++; });
    return value(runs);
  };
  std::vector<pthread_t> threads;
  for (int i = 0; i < 8; i++) threads.push_back(start(body));
  for (pthread_t thread : threads) EXPECT_EQ(join(thread), value(1));
}

TEST_P(Conformance, StackIsAsLargeAsAskedFor) {
  for (size_t bytes : {size_t{64} << 10, size_t{1} << 20, size_t{8} << 20}) {
    std::function<void*()> body = [&]() -> void* {
      pthread_attr_t attr;
      pthread_getattr_np(pthread_self(), &attr);
      size_t size = 0;
      void* low = nullptr;
      pthread_attr_getstack(&attr, &low, &size);
      pthread_attr_destroy(&attr);
      // All but what the thread control block and this frame take can be written.
      volatile char* big = static_cast<char*>(__builtin_alloca(bytes - (32 << 10)));
      for (size_t i = 0; i < bytes - (32 << 10); i += 4096) big[i] = 1;
      return value(intptr_t(size));
    };
    pthread_t thread;
    ASSERT_EQ(api.create(&thread, bytes, false, call, &body), 0);
    EXPECT_GE(size_t(join(thread)), bytes);  // glibc may reuse a larger one
  }
}

TEST_P(Conformance, TooSmallAStackIsEinval) {
  pthread_t thread;
  std::function<void*()> body = [] { return nullptr; };
  EXPECT_EQ(api.create(&thread, 4096, false, call, &body), EINVAL);
}

TEST_P(Conformance, KillReachesTheThread) {
  static thread_local bool mine;
  static sem_t handled;
  sem_init(&handled, 0, 0);
  struct sigaction action = {}, old;
  action.sa_handler = [](int) {
    if (mine) sem_post(&handled);
  };
  sigaction(SIGUSR1, &action, &old);
  sem_t ready;
  sem_init(&ready, 0, 0);
  std::function<void*()> body = [&]() -> void* {
    mine = true;
    sem_post(&ready);
    while (sem_wait(&handled) != 0 && errno == EINTR) {
    }
    return nullptr;
  };
  pthread_t thread = start(body);
  sem_wait(&ready);
  EXPECT_EQ(api.kill(thread, 0), 0);
  EXPECT_EQ(api.kill(thread, 12345), EINVAL);
  EXPECT_EQ(api.kill(thread, SIGUSR1), 0);
  join(thread);
  sigaction(SIGUSR1, &old, nullptr);
}

TEST_P(Conformance, NamesOfUpTo15BytesCanBeSet) {
  char name[16] = {};
  EXPECT_EQ(api.setname(api.self(), "sixteen bytes long"), ERANGE);
  std::function<void*()> body = [&]() -> void* {
    EXPECT_EQ(api.setname(api.self(), "worker"), 0);
    pthread_getname_np(pthread_self(), name, sizeof name);
    return nullptr;
  };
  join(start(body));
  EXPECT_STREQ(name, "worker");
}

TEST_P(Conformance, ThousandThreadsAtOnce) {
  pthread_barrier_t all;
  pthread_barrier_init(&all, nullptr, 1001);
  std::function<void*()> body = [&]() -> void* {
    pthread_barrier_wait(&all);
    return value(1);
  };
  std::vector<pthread_t> threads;
  for (int i = 0; i < 1000; i++) threads.push_back(start(body));
  pthread_barrier_wait(&all);
  intptr_t sum = 0;
  for (pthread_t thread : threads) sum += intptr_t(join(thread));
  EXPECT_EQ(sum, 1000);
}

TEST_P(Conformance, ForeignThreadsAreHandledToo) {
  std::function<void*()> body = [] { return value(5); };
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, nullptr, call, &body), 0);
  EXPECT_EQ(api.kill(thread, 0), 0);
  EXPECT_EQ(join(thread), value(5));
}

// ---- Belay's own ----

size_t heap_bytes() {
  struct crheap_stats stats;
  EXPECT_EQ(belay_crheap_stats(&stats), 0);
  return stats.allocated_bytes;
}

void* nothing(void*) { return nullptr; }

void create_and_join() {
  pthread_t thread;
  ASSERT_EQ(belay_crthread_create(&thread, nullptr, nothing, nullptr), 0);
  ASSERT_EQ(belay_crthread_join(thread, nullptr), 0);
}

TEST(CrThread, DetachedThreadsDoNotLeak) {
  size_t before = heap_bytes();
  crthread_attr_t detached = {0, 1};
  for (int i = 0; i < 10000; i++) {
    pthread_t thread;
    ASSERT_EQ(belay_crthread_create(&thread, i % 2 ? &detached : nullptr, nothing, nullptr), 0);
    if (i % 2 == 0) {
      ASSERT_EQ(belay_crthread_detach(thread), 0);
    }
  }
  wait_until_alone();
  create_and_join();                                              // takes in those that ended last
  EXPECT_LE(heap_bytes(), before + kStackCacheBytesMax * 5 / 4);  // the heap rounds sizes up
}

TEST(CrThread, StackIsReusedWhenJoined) {
  create_and_join();
  size_t before = heap_bytes();
  for (int i = 0; i < 100; i++) create_and_join();
  EXPECT_EQ(heap_bytes(), before);
}

TEST(CrThread, JoinedThreadIsEsrch) {
  pthread_t thread;
  ASSERT_EQ(belay_crthread_create(&thread, nullptr, nothing, nullptr), 0);
  ASSERT_EQ(belay_crthread_join(thread, nullptr), 0);
  EXPECT_EQ(belay_crthread_join(thread, nullptr), ESRCH);
  EXPECT_EQ(belay_crthread_detach(thread), ESRCH);
  EXPECT_EQ(belay_crthread_kill(thread, 0), ESRCH);
  EXPECT_EQ(belay_crthread_cancel(thread), ESRCH);
  EXPECT_EQ(belay_crthread_setname(thread, "nobody"), ESRCH);
}

// The next two are what pthread_join(3) says; glibc 2.29 to 2.36 waits for ever instead, because it
// compares and exchanges the joiner's id the wrong way round.
TEST(CrThread, OneOfTwoThatJoinEachOtherIsEdeadlk) {
  crthread_t threads[2] = {};
  std::atomic<bool> both_exist = false;
  std::atomic<int> refused = 0;
  auto join_other = [&](int me) -> void* {
    while (!both_exist) sched_yield();
    int error = belay_crthread_join(threads[1 - me], nullptr);
    if (error == EDEADLK) refused++;
    return value(error);
  };
  std::function<void*()> bodies[2] = {[&] { return join_other(0); }, [&] { return join_other(1); }};
  for (int i = 0; i < 2; i++) {
    ASSERT_EQ(create_crthread(&threads[i], 0, false, Conformance::call, &bodies[i]), 0);
  }
  both_exist = true;
  // The refused one is joined by the other, which is left to this thread.
  wait_until_alone();
  EXPECT_EQ(refused, 1);
  int left = 0;
  for (crthread_t thread : threads) {
    void* result = value(-1);
    int error = belay_crthread_join(thread, &result);
    if (error == ESRCH) continue;
    EXPECT_EQ(error, 0);
    EXPECT_EQ(result, value(0));
    left++;
  }
  EXPECT_EQ(left, 1);
}

TEST(CrThread, SecondJoinerIsRefusedAndCancelledJoinerGivesUp) {
  sem_t go;
  sem_init(&go, 0, 0);
  std::function<void*()> waits = [&] {
    sem_wait(&go);
    return value(7);
  };
  crthread_t thread, joiner;
  ASSERT_EQ(create_crthread(&thread, 0, false, Conformance::call, &waits), 0);
  std::atomic<int> joiner_tid = 0;
  std::function<void*()> joins = [&] {
    joiner_tid = gettid();
    return value(belay_crthread_join(thread, nullptr));
  };
  ASSERT_EQ(create_crthread(&joiner, 0, false, Conformance::call, &joins), 0);
  while (joiner_tid == 0) sched_yield();
  wait_until_asleep(joiner_tid);
  EXPECT_EQ(belay_crthread_join(thread, nullptr), EINVAL);
  EXPECT_EQ(belay_crthread_detach(thread), 0);  // like glibc: the joiner has it
  EXPECT_EQ(belay_crthread_cancel(joiner), 0);
  void* result = nullptr;
  EXPECT_EQ(belay_crthread_join(joiner, &result), 0);
  EXPECT_EQ(result, PTHREAD_CANCELED);
  sem_post(&go);
  EXPECT_EQ(belay_crthread_join(thread, &result), 0);
  EXPECT_EQ(result, value(7));
}

TEST(CrThread, ImpossibleStackIsEagain) {
  pthread_t thread;
  for (size_t bytes : {size_t{1} << 46, SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX / 2}) {
    crthread_attr_t attr = {bytes, 0};
    EXPECT_EQ(belay_crthread_create(&thread, &attr, nothing, nullptr), EAGAIN) << bytes;
  }
}

TEST(CrThreadDeathTest, OverflowMeetsTheGuardPage) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  auto overflow = [](void*) -> void* {
    pthread_attr_t attr;
    pthread_getattr_np(pthread_self(), &attr);
    void* low = nullptr;
    size_t bytes = 0;
    pthread_attr_getstack(&attr, &low, &bytes);
    static_cast<volatile char*>(low)[0] = 1;  // the last good byte
    static_cast<volatile char*>(low)[-1] = 1;
    return nullptr;
  };
  EXPECT_EXIT(
      {
        pthread_t thread;
        belay_crthread_create(&thread, nullptr, overflow, nullptr);
        belay_crthread_join(thread, nullptr);
      },
      testing::KilledBySignal(SIGSEGV), "");
}

}  // namespace
}  // namespace belay
