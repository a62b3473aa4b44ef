// Goal: what a function computes with at a start is there again after a rewind, however many values
// there are, and whatever the function does with them on the way to the rewind, from where control
// comes back by no edge that the compiler sees.
#include <belay/region.h>

#include "check.h"

enum { kValues = 24 };
int tries;
unsigned long out[kValues];

BELAY_KEEP void count_try(void) { tries++; }
__attribute__((noinline)) unsigned long next(unsigned long x) {
  return x * 6364136223846793005u + 1;
}

/* All values are alive at the start, and changed on the way to the rewind only. */
#define FIRST(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define LAST(DO) DO(12) DO(13) DO(14) DO(15) DO(16) DO(17) DO(18) DO(19) DO(20) DO(21) DO(22) DO(23)
#define EACH(DO) FIRST(DO) LAST(DO)

__attribute__((noinline)) void compute(unsigned long seed, int rewinds, const unsigned long* more) {
#define MAKE(i) unsigned long v##i = seed = next(seed);
#define CHANGE(i) v##i += more[i];
#define MIX(i) v##i = next(v##i ^ v0);
#define PUT(i) out[i] = v##i;
  EACH(MAKE)
  start_ckpt();
  for (int round = 0; round < 3; round++) {
    EACH(CHANGE)
    tries = 0;
    start_ckpt();
    EACH(MIX)
    if (tries < rewinds) {
      count_try();
      rewind_ckpt();
    }
    EACH(CHANGE)
    stop_ckpt(round == 1);
  }
  EACH(PUT)
  stop_ckpt(0);
}

__attribute__((noinline)) void compute_plain(unsigned long seed, const unsigned long* more) {
  EACH(MAKE)
  for (int round = 0; round < 3; round++) {
    EACH(CHANGE)
    if (round == 1) continue;
    EACH(MIX)
    EACH(CHANGE)
  }
  EACH(PUT)
}

/* In memory, but where nothing else reaches it: the compiler may take it for unchanged. */
__attribute__((noinline)) int unreached(int at, int rewinds) {
  int small[4] = {1, 2, 3, 4};
  small[at & 3] += 10;
  tries = 0;
  start_ckpt();
  small[(at + 1) & 3] += 100;
  small[at & 3] *= 3;
  if (tries < rewinds) {
    count_try();
    rewind_ckpt();
  }
  int sum = 0;
  for (int i = 0; i < 4; i++) sum = sum * 7 + small[(at + i) & 3];
  stop_ckpt(0);
  return sum;
}

/* By value, and one that lives in memory and registers in turn. */
struct pair {
  long a, b;
};
__attribute__((noinline)) long structures(struct pair by_value, long n) {
  struct pair mine = {n, n + 1};
  long sum = 0;
  for (long i = 0; i < 5; i++) {
    tries = 0;
    start_ckpt();
    sum += mine.a * by_value.a + i;
    mine.b += sum;
    by_value.b += (long)next((unsigned long)sum) & 7;
    if (tries < 3) {
      sum += mine.b;
      mine.a += (long)next((unsigned long)i) & 3;
      out[0] = (unsigned long)(mine.a + sum + by_value.b);
      count_try();
      rewind_ckpt();
    }
    stop_ckpt(i == 3);
  }
  return sum + mine.b + by_value.a;
}

__attribute__((noinline)) long structures_plain(struct pair by_value, long n) {
  struct pair mine = {n, n + 1};
  long sum = 0;
  for (long i = 0; i < 5; i++) {
    if (i == 3) continue;
    sum += mine.a * by_value.a + i;
    mine.b += sum;
  }
  return sum + mine.b + by_value.a;
}

int main(void) {
  unsigned long more[kValues];
  for (int i = 0; i < kValues; i++) more[i] = (unsigned long)i * i + 1;
  unsigned long expected[kValues];
  compute_plain(42, more);
  for (int i = 0; i < kValues; i++) expected[i] = out[i];
  for (int rewinds = 0; rewinds < 4; rewinds++) {
    compute(42, rewinds, more);
    for (int i = 0; i < kValues; i++) CHECK(out[i] == expected[i]);
  }
  for (int at = 0; at < 4; at++) CHECK(unreached(at, 3) == unreached(at, 0));
  struct pair by_value = {3, 4};
  CHECK(structures(by_value, 11) == structures_plain(by_value, 11));
  return 0;
}
