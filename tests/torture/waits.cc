// Steps that wait: none may end early, none may see EINTR, whatever Belay's signal interrupts.
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "torture.h"

namespace torture {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t now(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

timespec to_timespec(int64_t ns) { return {time_t(ns / kSecond), long(ns % kSecond)}; }

// Calls wait(), which must last `ns` at least.
template <class Wait>
void lasts(int64_t ns, Wait wait) {
  int64_t start = now(CLOCK_MONOTONIC);
  wait();
  TORTURE_EXPECT(now(CLOCK_MONOTONIC) - start >= ns);
}

void doze(int64_t ns) {
  timespec asked = to_timespec(ns), left{};
  TORTURE_EXPECT(nanosleep(&asked, &left) == 0);
  TORTURE_EXPECT(asked.tv_nsec == ns);  // the argument is the program's
}

void wait_for_semaphore(int64_t ns) {
  sem_t semaphore;
  TORTURE_EXPECT(sem_init(&semaphore, 0, 0) == 0);
  timespec deadline = to_timespec(now(CLOCK_REALTIME) + ns);
  TORTURE_EXPECT(sem_timedwait(&semaphore, &deadline) == -1 && errno == ETIMEDOUT);
  TORTURE_EXPECT(sem_post(&semaphore) == 0 && sem_trywait(&semaphore) == 0);
  sem_destroy(&semaphore);
}

void wait_for_condition(int64_t ns) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&condition, &attributes);
  timespec deadline = to_timespec(now(CLOCK_MONOTONIC) + ns);
  pthread_mutex_lock(&mutex);
  int result;
  while ((result = pthread_cond_timedwait(&condition, &mutex, &deadline)) == 0) {
  }
  TORTURE_EXPECT(result == ETIMEDOUT);
  TORTURE_EXPECT(pthread_mutex_unlock(&mutex) == 0);
  pthread_cond_destroy(&condition);
}

void wait_for_signal(int64_t ns) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  timespec time = to_timespec(ns);
  TORTURE_EXPECT(sigtimedwait(&set, nullptr, &time) == -1 && errno == EAGAIN);
}

struct Meeting {
  std::mutex mutex;
  std::condition_variable arrived;
  uint64_t count = 0;
};

volatile sig_atomic_t g_ticks_left;
volatile uint64_t g_tick_hash;

}  // namespace

void wait_in_vain(Slot& slot) {
  int64_t ms = 1 + int64_t(slot.random() % 3);
  int64_t ns = ms * 1'000'000;
  switch (slot.random() % 8) {
    case 0:
      return lasts(ns, [&] { doze(ns); });
    case 1:
      return lasts(ns, [&] { TORTURE_EXPECT(poll(nullptr, 0, int(ms)) == 0); });
    case 2:
      return lasts(ns, [&] {
        timespec time = to_timespec(ns);
        TORTURE_EXPECT(ppoll(nullptr, 0, &time, nullptr) == 0);
      });
    case 3:
      return lasts(ns, [&] {
        timeval time{0, suseconds_t(ms * 1000)};
        TORTURE_EXPECT(select(0, nullptr, nullptr, nullptr, &time) == 0);
      });
    case 4:
      return wait_for_semaphore(ns);
    case 5:
      return lasts(ns, [&] { wait_for_condition(ns); });
    case 6:
      return lasts(ns, [&] {
        timespec deadline = to_timespec(now(CLOCK_MONOTONIC) + ns);
        TORTURE_EXPECT(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr) == 0);
      });
    case 7:
      return lasts(ns, [&] { wait_for_signal(ns); });
  }
}

void hold_mutexes(Slot& slot) {
  pthread_mutex_t recursive, checked;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&recursive, &attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init(&checked, &attributes);
  for (int i = 0; i < 3; i++) TORTURE_EXPECT(pthread_mutex_lock(&recursive) == 0);
  TORTURE_EXPECT(pthread_mutex_lock(&checked) == 0);
  doze(300'000 + int64_t(slot.random() % 500'000));
  TORTURE_EXPECT(pthread_mutex_lock(&checked) == EDEADLK);  // it knows its owner
  TORTURE_EXPECT(pthread_mutex_unlock(&checked) == 0);
  for (int i = 0; i < 3; i++) TORTURE_EXPECT(pthread_mutex_unlock(&recursive) == 0);
  TORTURE_EXPECT(pthread_mutex_unlock(&recursive) == EPERM);
}

void ask_over_pipe(Slot& slot, int request_fd, int answer_fd) {
  uint64_t question = slot.hash, answer = 0;
  TORTURE_EXPECT(write(request_fd, &question, sizeof question) == sizeof question);
  TORTURE_EXPECT(read(answer_fd, &answer, sizeof answer) == sizeof answer);
  TORTURE_EXPECT(answer == mix(question, 17));
  slot.hash = mix(slot.hash, answer);
}

void meet(int slot, int slots) {
  static std::deque<Meeting> meetings(size_t(slots + 1) / 2);
  if ((slot ^ 1) >= slots) return;  // the odd one out
  Meeting& meeting = meetings[size_t(slot) / 2];
  std::unique_lock lock(meeting.mutex);
  uint64_t mine = ++meeting.count;
  meeting.arrived.notify_all();
  meeting.arrived.wait(lock, [&] { return meeting.count >= (mine + 1) / 2 * 2; });
}

void block_timer_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  sigaddset(&set, SIGUSR2);
  TORTURE_EXPECT(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
}

uint64_t work_in_timer_handler(int ticks) {
  static char alternate[65'536];
  stack_t stack{alternate, 0, sizeof alternate};
  TORTURE_EXPECT(sigaltstack(&stack, nullptr) == 0);
  struct sigaction action {};
  action.sa_handler = [](int) {
    if (g_ticks_left == 0) return;
    char local;
    TORTURE_EXPECT(&local >= alternate && &local < alternate + sizeof alternate);
    uint64_t hash = g_tick_hash;
    for (int i = 0; i < 400'000; i++) hash = mix(hash, uint64_t(i));
    g_tick_hash = hash;
    g_ticks_left = g_ticks_left - 1;
  };
  action.sa_flags = SA_ONSTACK;
  TORTURE_EXPECT(sigaction(SIGALRM, &action, nullptr) == 0);
  g_ticks_left = ticks;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  itimerval every{{0, 60'000}, {0, 60'000}}, never{};
  TORTURE_EXPECT(setitimer(ITIMER_REAL, &every, nullptr) == 0);
  TORTURE_EXPECT(pthread_sigmask(SIG_UNBLOCK, &set, nullptr) == 0);
  while (g_ticks_left > 0) pause();
  setitimer(ITIMER_REAL, &never, nullptr);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  stack.ss_flags = SS_DISABLE;
  sigaltstack(&stack, nullptr);
  return g_tick_hash;
}

}  // namespace torture
