// Goal: globals, statics, locals of every size, and what functions of another file write go back,
// or stay.
#include <belay/region.h>
#include <string.h>

#include "check.h"

void fill(int* to, int count);  // basics_other.c
extern int other_counter;

int global = 1;
static int hidden = 10;
static int only_here;
int array[100];
struct Bits {
  unsigned low : 3, middle : 7, high : 22;
} bits = {1, 2, 3};
struct Pair {
  long first, second;
};

__attribute__((noinline)) static void write_statics(int x) {
  hidden += x;
  array[x & 63] = x;
}

static struct Pair make_pair(long a, long b) { return (struct Pair){a, b}; }

static void work(void) {
  global = 2;
  bits.middle = 99;
  write_statics(3);
  fill(array, 50);
}

static void check_memory(int changed) {
  CHECK(global == (changed ? 2 : 1));
  CHECK(bits.low == 1 && bits.middle == (changed ? 99 : 2) && bits.high == 3);
  CHECK(hidden == (changed ? 13 : 10));
  CHECK(array[3] == (changed ? 3 : 0) && array[49] == (changed ? 49 : 0));
  CHECK(other_counter == (changed ? 1 : 0));
}

static void locals(int rollback) {
  int scalar = 5, small[4] = {1, 2, 3, 4};
  struct Pair pair = {1, 2};
  double real = 0.5;
  char large[300];
  memset(large, 'x', sizeof large);
  start_ckpt();
  scalar++;
  small[2] = 9;
  pair = make_pair(scalar, 8);
  real *= 3;
  large[100] = 'y';
  stop_ckpt(rollback);
  CHECK(scalar == (rollback ? 5 : 6));
  CHECK(small[2] == (rollback ? 3 : 9));
  CHECK(pair.first == (rollback ? 1 : 6) && pair.second == (rollback ? 2 : 8));
  CHECK(real == (rollback ? 0.5 : 1.5));
  CHECK(large[100] == (rollback ? 'x' : 'y'));
}

static void loop_of_regions(void) {
  int sum = 0;
  for (int i = 0; i < 100; i++) {
    start_ckpt();
    sum += i;
    only_here = sum;
    stop_ckpt(i % 2);
  }
  CHECK(sum == 2450 && only_here == 2450);
}

static void sometimes(int inside) {
  int before = global;
  if (inside) start_ckpt();
  global += 7;
  write_statics(1);
  if (inside) stop_ckpt(1);
  CHECK(global == before + (inside ? 0 : 7));
}

static int fresh(void) {
  int* block = malloc(4 * sizeof *block);
  block[1] = 1;
  start_ckpt();
  block[1] = 5;
  stop_ckpt(1);
  int result = block[1];
  free(block);
  return result;
}

int main(void) {
  start_ckpt();
  work();
  check_memory(1);
  stop_ckpt(1);
  check_memory(0);
  start_ckpt();
  work();
  stop_ckpt(0);
  check_memory(1);
  locals(1);
  locals(0);
  loop_of_regions();
  sometimes(0);
  sometimes(1);
  CHECK(fresh() == 1);
  CHECK(belay_ckpt_depth() == 0);
  return 0;
}
