// Goal: static and thread-local variables that a region initialises: undone, they are initialised
// again, and are destroyed once. What only main() uses goes back too.
// Output: made 1
// Output: made 2
// Output: destroyed 2
#include <unistd.h>

#include <belay/region.hpp>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "check.h"

BELAY_KEEP void say(const char* what, int n) { printf("%s %d\n", what, n); }

struct Named {
  explicit Named(int n) : number(n), text("a name that is long enough for the heap") {
    say("made", n);
  }
  ~Named() { printf("destroyed %d\n", number); }
  int number;
  std::string text;
};

// The initialisers of these two stand where those of the whole program do.
thread_local std::string outer = "a text of each thread's, and long enough " + std::to_string(7);
struct Holder {
  static thread_local std::vector<int> list;
};
thread_local std::vector<int> Holder::list(static_cast<size_t>(getpid() != 0 ? 3 : 4), 5);

void first_use_in_region() {
  for (int rollback = 1; rollback >= 0; rollback--) {
    start_ckpt();
    CHECK(outer.back() == '7' && Holder::list.size() == 3);
    outer += "8";
    Holder::list.push_back(6);
    stop_ckpt(rollback);
  }
  CHECK(outer.back() == '8' && Holder::list.size() == 4);
}

__attribute__((noinline)) int first_use(int n) {
  static Named named(n);
  thread_local std::string own = "a text of the thread's own, number " + std::to_string(n);
  return named.number + static_cast<int>(own.size());
}

static int only_in_main;  // which nobody calls again: it might as well be a local of its

int main() {
  only_in_main = 1;
  start_ckpt();
  only_in_main = 5;
  stop_ckpt(1);
  CHECK(only_in_main == 1);
  start_ckpt();
  CHECK(first_use(1) > 1);
  stop_ckpt(1);
  start_ckpt();
  int two = first_use(2);
  CHECK(first_use(3) == two);
  stop_ckpt(0);
  CHECK(first_use(4) == two);
  first_use_in_region();
  std::thread(first_use_in_region).join();
  return 0;
}
