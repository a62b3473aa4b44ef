// Goal: every thread stands still wherever it is, and goes on as if nothing had been.
#include <errno.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/syscall.h"
#include "context/thread_stop.h"

namespace belay {
namespace {

// Stops and releases all threads but the caller.
class Stops {
 public:
  Stops() : memory_(20000) {
    stopper_.open(memory_);
    set_signal_target(&stopper_, [] {});
  }
  void once(const std::function<void()>& while_stopped = [] {}) {
    int self = int(sys::gettid());
    Status status = stopper_.stop({&self, 1}, 10000);
    ASSERT_TRUE(status) << status.error().message;
    while_stopped();
    stopper_.release();
    stopper_.wait_until_left();
  }
  size_t parked() {
    size_t n = 0;
    for (auto& thread : stopper_.threads()) n += thread.state == StoppedThread::kParked;
    return n;
  }

 private:
  std::vector<StoppedThread> memory_;
  ThreadStopper stopper_;
};

TEST(ThreadStop, NothingMovesWhileStopped) {
  Stops stops;
  std::atomic<bool> end{false};
  std::vector<std::atomic<long>> counters(8);
  std::vector<std::thread> threads;
  for (auto& counter : counters)
    threads.emplace_back([&] {
      while (!end) counter++;
    });
  for (auto& counter : counters)
    while (counter == 0) std::this_thread::yield();
  for (int round = 0; round < 100; round++) {
    stops.once([&] {
      std::vector<long> before;
      for (auto& counter : counters) before.push_back(counter);
      for (int i = 0; i < 1000; i++) std::this_thread::yield();
      for (size_t i = 0; i < counters.size(); i++) EXPECT_EQ(before[i], counters[i]);
    });
    EXPECT_EQ(stops.parked(), 8u);
  }
  end = true;
  for (auto& thread : threads) thread.join();
}

TEST(ThreadStop, ThreadsThatComeAndGoAreCaughtOrGone) {
  Stops stops;
  std::atomic<bool> end{false};
  std::vector<std::thread> makers;
  for (int i = 0; i < 4; i++)
    makers.emplace_back([&] {
      while (!end) std::thread([] {}).join();
    });
  for (int round = 0; round < 300; round++) stops.once();
  end = true;
  for (auto& maker : makers) maker.join();
}

// Calls that a signal would end with EINTR go on, for as long as they were asked to.
template <class Sleep>
void expect_undisturbed(Sleep sleep, double least_s) {
  Stops stops;
  std::atomic<int> state{0};
  int result = -2, error = 0;
  double slept_s = 0;
  std::thread sleeper([&] {
    state = 1;
    auto start = std::chrono::steady_clock::now();
    errno = 0;
    result = sleep();
    error = errno;
    slept_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    state = 2;
  });
  int rounds = 0;
  for (; state != 2; rounds++) stops.once();
  sleeper.join();
  EXPECT_GT(rounds, 5);
  EXPECT_EQ(result, 0) << strerror(error);
  EXPECT_GE(slept_s, least_s);
  EXPECT_LT(slept_s, 20 * least_s + 1) << "went on sleeping from the start after each stop";
}

TEST(InterruptedCall, Nanosleep) {
  expect_undisturbed(
      [] {
        timespec time{0, 100'000'000};
        return nanosleep(&time, nullptr);
      },
      0.1);
}
TEST(InterruptedCall, Poll) {
  expect_undisturbed([] { return poll(nullptr, 0, 100); }, 0.1);
}
TEST(InterruptedCall, Select) {
  expect_undisturbed(
      [] {
        timeval time{0, 100'000};
        return select(0, nullptr, nullptr, nullptr, &time);
      },
      0.1);
}
TEST(InterruptedCall, EpollWait) {
  int fd = epoll_create1(0);
  expect_undisturbed(
      [&] {
        epoll_event event;
        return epoll_wait(fd, &event, 1, 100);
      },
      0.1);
  close(fd);
}
TEST(InterruptedCall, SemTimedwait) {
  expect_undisturbed(
      [] {
        sem_t sem;
        sem_init(&sem, 0, 0);
        timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 100'000'000;
        if (until.tv_nsec >= 1'000'000'000) until.tv_sec++, until.tv_nsec -= 1'000'000'000;
        return sem_timedwait(&sem, &until) == -1 && errno == ETIMEDOUT ? 0 : -1;
      },
      0.099);
}

TEST(InterruptedCall, AHandlerOfTheProgramStillEndsASleep) {
  struct sigaction action {
  }, before;
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, &before);
  Stops stops;
  std::atomic<int> state{0};
  int error = 0;
  std::thread sleeper([&] {
    state = 1;
    timespec time{100, 0};
    errno = 0;
    nanosleep(&time, nullptr);
    error = errno;
    state = 2;
  });
  while (state != 1) std::this_thread::yield();
  for (int round = 0; round < 20; round++) stops.once();
  while (state != 2) pthread_kill(sleeper.native_handle(), SIGUSR1);
  sleeper.join();
  EXPECT_EQ(error, EINTR);
  sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace belay
