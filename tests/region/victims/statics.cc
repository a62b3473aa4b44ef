// Goal: static and thread-local variables that a region initialises: undone, they are initialised
// again, and are destroyed once.
// Output: made 1
// Output: made 2
// Output: destroyed 2
#include <belay/region.hpp>
#include <cstdio>
#include <string>

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

__attribute__((noinline)) int first_use(int n) {
  static Named named(n);
  thread_local std::string own = "a text of the thread's own, number " + std::to_string(n);
  return named.number + static_cast<int>(own.size());
}

int main() {
  start_ckpt();
  CHECK(first_use(1) > 1);
  stop_ckpt(1);
  start_ckpt();
  int two = first_use(2);
  CHECK(first_use(3) == two);
  stop_ckpt(0);
  CHECK(first_use(4) == two);
  return 0;
}
