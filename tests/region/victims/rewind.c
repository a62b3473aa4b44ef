// Goal: rewind_ckpt() returns to start_ckpt() from any depth of calls, memory and locals as they
// were, and nested regions undo their own part only.
#include <belay/region.h>

#include "check.h"

int tries;
int board[64];
int kept;

BELAY_KEEP void count_try(void) { tries++; }

__attribute__((noinline)) int search(int depth, int* local) {
  int mine[16];
  for (int i = 0; i < 16; i++) mine[i] = depth * i;
  board[depth] = mine[depth & 15] + 1;
  ++*local;
  if (depth < 40) return search(depth + 1, local) + mine[3];
  if (tries < 5) {
    count_try();
    rewind_ckpt();
  }
  return mine[5];
}

void rewinding(void) {
  int local = 100;
  long scalar = 7;
  start_ckpt();
  CHECK(local == 100 && scalar == 7);
  for (int i = 0; i < 41; i++) CHECK(board[i] == 0);
  scalar = 8;
  search(0, &local);
  CHECK(tries == 5 && local == 141);
  stop_ckpt(1);
  CHECK(local == 100 && scalar == 7 && board[40] == 0);
}

void nesting(void) {
  int a = 1;
  start_ckpt();
  a = 2;
  board[0] = 2;
  start_ckpt();
  a = 3;
  board[0] = 3;
  stop_ckpt(1);
  CHECK(a == 2 && board[0] == 2);
  start_ckpt();
  a = 4;
  board[1] = 4;
  CHECK(belay_ckpt_depth() == 2);
  stop_ckpt(0);
  CHECK(a == 4 && board[1] == 4);
  stop_ckpt(1);
  CHECK(a == 1 && board[0] == 0 && board[1] == 0);
}

__attribute__((noinline)) void inner(int rollback) {
  int local = 5;
  start_ckpt();
  board[2]++;
  local++;
  stop_ckpt(rollback);
  CHECK(local == (rollback ? 5 : 6));
}

void nesting_by_calls(void) {
  start_ckpt();
  inner(0);
  inner(1);
  CHECK(board[2] == 1);
  stop_ckpt(1);
  CHECK(board[2] == 0);
}

int main(void) {
  rewinding();
  nesting();
  nesting_by_calls();
  struct ckpt_statistics statistics;
  belay_ckpt_statistics(&statistics);
  CHECK(statistics.rewinds == 5 && statistics.regions == 7);
  CHECK(statistics.commits == 2 && statistics.rollbacks == 5);
  return 0;
}
