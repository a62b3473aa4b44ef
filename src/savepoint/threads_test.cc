// Goal: all threads go back together, wherever each of them is and was; those born since end; a
// rollback that would leave one behind is refused.
#include <errno.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "belay/savepoint.h"
#include "savepoint/outside.h"

namespace belay {
namespace {

int threads_now() {
  struct stat task;
  stat("/proc/self/task", &task);
  return int(task.st_nlink) - 2;
}

// A thread's registers and stack go with its memory: what it counts in a local variable, on the
// heap and in thread_local storage stays the same number.
thread_local long t_count = 0;

TEST(SavepointThreads, RegistersStackAndMemoryOfEachGoBackTogether) {
  Verdict verdict;
  Outside<int> returns;
  std::atomic<bool> end{false};
  std::vector<long> counts(4 * 512);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++)
    threads.emplace_back([&, i] {
      long local = 0;
      t_count = 0;
      long& count = counts[size_t(i) * 512];
      while (!end) {
        BELAY_EXPECT(verdict, local == count && local == t_count, local - count);
        local++, count++, t_count++;
      }
    });
  for (int i = 0; i < 4; i++)
    while (const_cast<volatile long&>(counts[size_t(i) * 512]) == 0) std::this_thread::yield();
  belay_savepoint_t here;
  std::vector<long> before(counts);
  int came = belay_savepoint(&here);
  BELAY_EXPECT(verdict, came == *returns, came);
  int rounds = test_full() ? 2000 : 30;
  if (++*returns <= rounds) {
    long least = counts[0] + 1000;
    while (const_cast<volatile long&>(counts[0]) < least) std::this_thread::yield();
    BELAY_EXPECT(verdict, belay_rollback_to(here, *returns) == 0, errno);
  }
  for (size_t i = 0; i < 4; i++) EXPECT_GE(counts[i * 512], before[i * 512]);
  end = true;
  for (auto& thread : threads) thread.join();
  belay_release_savepoint(here);
}

TEST(SavepointThreads, ThoseBornSinceEnd) {
  Verdict verdict;
  Outside<int> returns;
  int before = threads_now();
  belay_savepoint_t here;
  belay_savepoint(&here);
  BELAY_EXPECT(verdict, threads_now() == before, threads_now());
  if (++*returns <= (test_full() ? 1000 : 30)) {
    std::vector<std::thread> threads;
    static std::atomic<int> running;
    running = 0;
    for (int i = 0; i < 5; i++)
      threads.emplace_back([i] {
        running++;
        if (i == 0) return;
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable never;
        if (i == 1) never.wait(lock);
        std::string text;
        for (;;) text = std::string(size_t(running) * 100, 'x');
      });
    while (running < 5) std::this_thread::yield();
    threads[0].join();
    belay_rollback_to(here, 1);
    fprintf(stderr, "refused: %s\n", belay_crerror());
    abort();
  }
  belay_release_savepoint(here);
}

// What a thread waits for comes again after each rollback.
TEST(SavepointThreads, WaitsAreEnteredAgain) {
  Verdict verdict;
  Outside<int> returns;
  Outside<std::atomic<int>> asleep;
  std::mutex mutex;
  std::condition_variable condition;
  sem_t semaphore;
  sem_init(&semaphore, 0, 0);
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  bool ready = false;
  std::atomic<bool> end{false};
  std::atomic<int> woken[4] = {};
  auto wake = [&](int i) {
    woken[i] = 1;
    while (!end) std::this_thread::yield();  // it may not end: that could not be undone
  };
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    std::unique_lock lock(mutex);
    ++*asleep;
    while (!ready) condition.wait(lock);
    lock.unlock();
    wake(0);
  });
  threads.emplace_back([&] {
    ++*asleep;
    sem_wait(&semaphore);
    wake(1);
  });
  threads.emplace_back([&] {
    std::unique_lock lock(mutex);
    ++*asleep;
    // A deadline far away, which no stop may bring about.
    bool right = condition.wait_for(lock, std::chrono::hours(1), [&] { return ready; });
    lock.unlock();
    if (right) wake(2);
  });
  threads.emplace_back([&] {
    char byte;
    ++*asleep;
    if (read(pipes[0], &byte, 1) == 1) wake(3);
  });
  while (*asleep < 4) std::this_thread::yield();
  belay_savepoint_t here;
  belay_savepoint(&here);
  for (int i = 0; i < 4; i++) BELAY_EXPECT(verdict, woken[i] == 0, i);
  bool last = ++*returns > 30;
  {
    std::lock_guard lock(mutex);
    ready = true;
  }
  condition.notify_all();
  sem_post(&semaphore);
  // A byte that was read does not come back.
  if (last) BELAY_EXPECT(verdict, write(pipes[1], "x", 1) == 1, errno);
  for (int i = 0; i < (last ? 4 : 3); i++)
    while (woken[i] == 0) std::this_thread::yield();
  if (!last) {
    belay_rollback_to(here, 1);
    BELAY_EXPECT(verdict, false, errno);
  }
  end = true;
  for (auto& thread : threads) thread.join();
  belay_release_savepoint(here);
  close(pipes[0]);
  close(pipes[1]);
  sem_destroy(&semaphore);
}

TEST(SavepointThreads, AWaitThatEndedIsEnteredAgain) {
  Verdict verdict;
  Outside<int> returns;
  std::mutex mutex;
  std::condition_variable condition;
  int orders = 0, done = 0;
  std::thread worker([&] {
    std::unique_lock lock(mutex);
    while (orders >= 0) {
      condition.wait(lock, [&] { return orders != 0; });
      if (orders > 0) orders--, done++;
      condition.notify_all();
    }
  });
  auto work = [&](int order) {
    std::unique_lock lock(mutex);
    orders = order;
    condition.notify_all();
    condition.wait(lock, [&] { return orders <= 0; });
  };
  work(3);
  belay_savepoint_t here;
  belay_savepoint(&here);
  {
    std::unique_lock lock(mutex);
    BELAY_EXPECT(verdict, done == 3, done);
  }
  if (++*returns <= 100) {
    work(*returns % 7 + 1);
    belay_rollback_to(here, 1);
  }
  work(4);
  EXPECT_EQ(done, 7);
  {
    std::unique_lock lock(mutex);
    orders = -1;
    condition.notify_all();
  }
  worker.join();
  belay_release_savepoint(here);
}

TEST(SavepointThreads, OneThatEndedSinceIsNotLeftBehind) {
  std::atomic<bool> end{false};
  std::thread thread([&] {
    while (!end) std::this_thread::yield();
  });
  belay_savepoint_t here;
  ASSERT_EQ(belay_savepoint(&here), 0);
  end = true;
  thread.join();
  EXPECT_EQ(belay_rollback_to(here, 1), -1);
  EXPECT_EQ(errno, ESRCH);
  EXPECT_NE(strstr(belay_crerror(), "has ended since"), nullptr) << belay_crerror();
  EXPECT_TRUE(end);
  belay_release_savepoint(here);
}

// Anybody who was there may call; the one who took it returns from savepoint().
TEST(SavepointThreads, AnotherThreadMayRollBack) {
  Verdict verdict;
  Outside<std::atomic<int>> returns;
  belay_savepoint_t here = 0;
  std::atomic<int> order{0};
  int undone = 0;
  std::thread other([&] {
    for (;;) {
      int now = order.exchange(0);
      if (now < 0) return;
      if (now == 0) {
        std::this_thread::yield();
        continue;
      }
      undone = 5;
      belay_rollback_to(here, now);
      fprintf(stderr, "refused: %s\n", belay_crerror());
      abort();
    }
  });
  int came = belay_savepoint(&here);
  BELAY_EXPECT(verdict, came == *returns && undone == 0, came);
  if (++*returns <= 50) {
    order = int(*returns);
    for (;;) std::this_thread::yield();
  }
  order = -1;
  other.join();
  belay_release_savepoint(here);
}

TEST(SavepointThreads, OneBornSinceMayNot) {
  belay_savepoint_t here;
  ASSERT_EQ(belay_savepoint(&here), 0);
  int result = 0, code = 0;
  std::thread([&] {
    result = belay_rollback_to(here, 1);
    code = errno;
  }).join();
  EXPECT_EQ(result, -1);
  EXPECT_EQ(code, EPERM);
  belay_release_savepoint(here);
}

// Two at once: one is first, and the other goes back with it, or follows.
TEST(SavepointThreads, SeveralMayCallAtOnce) {
  Verdict verdict;
  Outside<std::atomic<int>> taken;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++)
    threads.emplace_back([&] {
      for (int round = 0; round < 30; round++) {
        belay_savepoint_t mine;
        BELAY_EXPECT(verdict, belay_savepoint(&mine) == 0, errno);
        ++*taken;
        BELAY_EXPECT(verdict, belay_release_savepoint(mine) == 0, errno);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(*taken, 120);
}

}  // namespace
}  // namespace belay
