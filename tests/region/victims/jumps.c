// Goal: longjmp within regions, and out of them, which rolls them back as an exception does: from
// callees, from a handler of SIGSEGV, and over functions that hold markers.
// Build: -mllvm -belay-signal-safe
#include <belay/region.h>
#include <setjmp.h>
#include <signal.h>

#include "check.h"

int words[64];
jmp_buf out, inner;
sigjmp_buf fault;

__attribute__((noinline)) void write_and_jump(int depth) {
  words[depth] = depth + 1;
  if (depth < 20) write_and_jump(depth + 1);
  if (depth == 20) longjmp(out, 3);
}

static int sum(void) {
  int all = 0;
  for (int i = 0; i < 64; i++) all += words[i];
  return all;
}

static void region_with_jump(void) {
  start_ckpt();
  words[60] = 9;
  start_ckpt();
  write_and_jump(0);
  stop_ckpt(0);
  stop_ckpt(0);
}

static void leaves(void) {
  int code = setjmp(out);
  if (code == 0) region_with_jump();
  CHECK(code == 3 && belay_ckpt_depth() == 0 && sum() == 0);
}

__attribute__((noinline)) void jump_inside(void) {
  words[1] = 1;
  if (setjmp(inner) == 0) {
    words[2] = 1;
    longjmp(inner, 1);
  }
  words[3] = 1;
}

static void stays(void) {
  start_ckpt();
  words[0] = 1;
  jump_inside();
  CHECK(belay_ckpt_depth() == 1 && sum() == 4);
  stop_ckpt(1);
  CHECK(sum() == 0);
}

// To the outer one of two regions: only the inner one is undone.
__attribute__((noinline)) void inner_region(void) {
  start_ckpt();
  write_and_jump(0);
  stop_ckpt(0);
}
__attribute__((noinline)) void outer_part(void) {
  words[50] = 7;
  if (setjmp(out) == 0) inner_region();
  CHECK(belay_ckpt_depth() == 1 && sum() == 7);
}
static void one_of_two(void) {
  start_ckpt();
  outer_part();
  stop_ckpt(1);
  CHECK(sum() == 0);
}

static void on_fault(int signal) { siglongjmp(fault, signal); }

// Many stores in one block, the last of which faults: all before it are undone.
__attribute__((noinline)) void fault_after(int* p, int* bad) {
  p[0] = 1;
  p[3] = 2;
  p[7] = 3;
  p[11] = 4;
  for (int i = 20; i < 40; i++) {
    p[i] = i;
    if (i == 37) *bad = 5;
  }
  p[12] = 6;
}
static void region_with_fault(int* bad) {
  start_ckpt();
  fault_after(words, bad);
  stop_ckpt(0);
}
static void from_handler(void) {
  signal(SIGSEGV, on_fault);
  static int* volatile bad = (int*)16;
  for (int i = 0; i < 3; i++) {
    if (sigsetjmp(fault, 1) == 0) region_with_fault(bad);
    CHECK(belay_ckpt_depth() == 0 && sum() == 0);
  }
}

static int tries;
static void on_fault_rewind(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  sigprocmask(SIG_UNBLOCK, &set, 0);
  tries++;
  rewind_ckpt();
}
static void rewinds(void) {
  signal(SIGSEGV, on_fault_rewind);
  static int* volatile bad = (int*)16;
  start_ckpt();
  CHECK(sum() == 0);
  if (tries < 4) fault_after(words, bad);
  stop_ckpt(1);
  CHECK(tries == 4 && sum() == 0);
}

int main(void) {
  leaves();
  stays();
  one_of_two();
  from_handler();
  rewinds();
  return 0;
}
