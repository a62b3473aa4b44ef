// Goal: words that regions of two threads write while both are open are reported once, those of an
// inner region that was undone too, with the functions that write them. Others are not: neighbours,
// the same word by turns, stacks, memory that was given up in between.
// Build: -pthread -rdynamic -mllvm -belay-no-inline
// Environment: BELAY_CKPT_RACES=report
// Says 3: regions of two threads write the same memory
// Says 1: 4 bytes at 0x
// Says 1: 1 bytes at 0x
// Says 1: 8 bytes at 0x
// Says 2: write_shared.*addr2line
// Says 2: write_bytes.*addr2line
// Says 2: write_tried.*addr2line
// Says 3: begins in\nbelay:     second
#include <belay/region.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>

#include "check.h"

// Each is written by one thread only.
static int reached[2];
BELAY_KEEP void reach(int me, int step) { __atomic_store_n(&reached[me], step, __ATOMIC_SEQ_CST); }
__attribute__((noinline)) void wait_for(int other, int step) {
  while (__atomic_load_n(&reached[other], __ATOMIC_SEQ_CST) < step) sched_yield();
}

enum { kBlockBytes = 4096 };
int shared, by_turns;
long tried;
char bytes[16];
char* volatile block;

__attribute__((noinline)) void write_shared(int value) { shared = value; }
__attribute__((noinline)) void write_long(long value) { tried = value; }
__attribute__((noinline)) void write_tried(long value) {
  start_ckpt();
  tried = value;
  stop_ckpt(1);
}
__attribute__((noinline)) void write_bytes(int from, int to) {
  for (int i = from; i < to; i++) bytes[i] = (char)i;
}
__attribute__((noinline)) void write_through(char* p) { *p = 1; }
__attribute__((noinline)) void write_own(void) {
  char own[64];
  for (int i = 0; i < 64; i++) write_through(own + i);
}

void* first(void* unused) {
  start_ckpt();
  for (int i = 0; i < 3; i++) write_shared(i);
  write_bytes(0, 7);
  write_own();
  by_turns = 1;
  write_through(block);
  write_tried(1);  // nobody else has a region yet
  reach(0, 1);
  wait_for(1, 1);
  write_tried(2);
  stop_ckpt(0);
  free(block);
  reach(0, 2);
  return unused;
}

void* second(void* unused) {
  wait_for(0, 1);
  start_ckpt();
  for (int i = 0; i < 3; i++) write_shared(i);
  write_bytes(6, 16);
  write_own();
  write_long(3);
  reach(1, 1);
  wait_for(0, 2);
  char* again = malloc(kBlockBytes);
  CHECK(again == block);  // else it shows nothing
  write_through(again);
  stop_ckpt(1);
  start_ckpt();
  by_turns = 2;
  stop_ckpt(0);
  return unused;
}

int main(void) {
  mallopt(M_ARENA_MAX, 1);
  char* volatile before = malloc(kBlockBytes);
  block = malloc(kBlockBytes);
  char* volatile behind = malloc(kBlockBytes);
  pthread_t threads[2];
  CHECK(pthread_create(&threads[0], 0, first, 0) == 0);
  CHECK(pthread_create(&threads[1], 0, second, 0) == 0);
  CHECK(pthread_join(threads[0], 0) == 0 && pthread_join(threads[1], 0) == 0);
  CHECK(by_turns == 2);
  free(before);
  free(behind);
  return 0;
}
