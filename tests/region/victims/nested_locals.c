// Goal: locals of a function with nested regions go back to what they were at the start of the
// region that is undone.
#include <belay/region.h>

#include "check.h"

__attribute__((noinline)) static int run(int undo_inner, int undo_outer) {
  int a = 1;
  long pair[2] = {1, 1};
  start_ckpt_once();
  a = 2;
  pair[1] = 2;
  start_ckpt_once();
  a = 3;
  pair[1] = 3;
  stop_ckpt(undo_inner);
  CHECK(a == (undo_inner ? 2 : 3) && pair[1] == a);
  a += 10;
  stop_ckpt(undo_outer);
  CHECK(pair[1] == (undo_outer ? 1 : a - 10));
  return a;
}

int main(void) {
  CHECK(run(0, 0) == 13);
  CHECK(run(1, 0) == 12);
  CHECK(run(0, 1) == 1);
  CHECK(run(1, 1) == 1);
  return 0;
}
