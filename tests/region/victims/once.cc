// Goal: what another thread initialises while a region waits for it stays initialised when that is
// rolled back; what the region has begun to initialise itself is begun again, by whoever waits.
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <belay/region.hpp>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

#include "check.h"

// Whether the thread waits in the kernel, which proc(5) says behind its name.
bool sleeps(int thread) {
  char text[512] = "";
  FILE* file = fopen(("/proc/self/task/" + std::to_string(thread) + "/stat").c_str(), "r");
  if (file == nullptr) return false;
  const bool is_read = fgets(text, sizeof text, file) != nullptr;
  fclose(file);
  const char* name_end = is_read ? strrchr(text, ')') : nullptr;
  return name_end != nullptr && name_end[2] == 'S';
}

std::atomic<bool> is_initialising;
std::atomic<int> waiter;  // the thread that is about to wait
int initialised;

BELAY_KEEP void begin_initialising() { is_initialising = true; }
BELAY_KEEP void wait_for_waiter() {
  while (waiter == 0 || !sleeps(waiter)) sched_yield();
}
BELAY_KEEP void begin_waiting() { waiter = gettid(); }

struct Slow {
  explicit Slow(int n) : number(n) {
    begin_initialising();
    if (n == 1) wait_for_waiter();
    initialised += n;
  }
  int number;
};
struct Local {
  static int get(int n) {
    static Slow slow(n);
    return slow.number;
  }
};
struct Once {
  static int get(int n) {
    static std::once_flag flag;
    static int number;
    std::call_once(flag, [n] { number = Slow(n).number; });
    return number;
  }
};

template <class Kind>
void waits_for_other() {
  is_initialising = false;
  waiter = initialised = 0;
  std::thread other([] { CHECK(Kind::get(1) == 1); });
  while (!is_initialising) sched_yield();
  start_ckpt();
  begin_waiting();
  CHECK(Kind::get(2) == 1);
  stop_ckpt(1);
  other.join();
  CHECK(Kind::get(3) == 1 && initialised == 1);
}

// A rewind leaves the initialiser while another thread waits for it.
int tries;
BELAY_KEEP int count_try() { return ++tries; }
struct LeftOnce {
  explicit LeftOnce(int n) : number(n) {
    if (n != 1 || count_try() > 1) return;
    begin_initialising();
    wait_for_waiter();
    rewind_ckpt();
  }
  int number;
};
int left_local(int n) {
  static LeftOnce left(n);
  return left.number;
}
int left_once(int n) {
  static std::once_flag flag;
  static int number;
  std::call_once(flag, [n] { number = LeftOnce(n).number; });
  return number;
}
void is_left(int (*get)(int)) {
  is_initialising = false;
  waiter = tries = 0;
  std::thread other([get] {
    while (!is_initialising) sched_yield();
    begin_waiting();
    CHECK(get(2) > 0);
  });
  start_ckpt();
  CHECK(get(1) > 0);
  stop_ckpt(0);
  other.join();
  CHECK(tries >= 1 && get(3) < 3);
}

int main() {
  alarm(60);  // a deadlock is a failure
  waits_for_other<Local>();
  waits_for_other<Once>();
  is_left(left_local);
  is_left(left_once);
  return 0;
}
