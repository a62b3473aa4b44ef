// Goal: with one leading log in place of several, what goes back is the same.
#include <belay/region.h>

#include "check.h"

int a = 1, total = 5, kept = 7;
int cells[64];

__attribute__((noinline)) static void seed(int c) {
  if (c) a = 2;
  a += 10;
  cells[c] = a;
  a += 100;
}

// The address is none at all where nothing is written.
__attribute__((noinline)) static void maybe_null(int* p) {
  if (p) *p = 3;
  if (p && a) *p += 4;
}

__attribute__((noinline)) static void sum(int count) {
  for (int i = 0; i < count; i++) total += i;
}

BELAY_KEEP static void keep(int value) { kept = value; }

__attribute__((noinline)) static void write_kept(int c) {
  keep(20);
  if (c) kept = 30;
  kept++;
}

// Inner regions of a callee come and go between two writes.
__attribute__((noinline)) static void inner(int rollback) {
  start_ckpt();
  a = 50;
  stop_ckpt(rollback);
}
__attribute__((noinline)) static void around_inner(int rollback) {
  a = 4;
  inner(rollback);
  CHECK(a == (rollback ? 4 : 50));
  a = 6;
}

static void nested_in_one(void) {
  start_ckpt();
  a = 2;
  start_ckpt();
  a = 3;
  a = 4;
  stop_ckpt(1);
  CHECK(a == 2);
  a = 5;
  stop_ckpt(1);
  CHECK(a == 1);
}

static void rewound(void) {
  keep(0);
  start_ckpt();
  a += 9;
  CHECK(a == 10);
  a += 10;
  if (kept < 3) {
    keep(kept + 1);
    rewind_ckpt();
  }
  stop_ckpt(1);
  CHECK(a == 1 && kept == 3);
}

int main(void) {
  for (int c = 0; c < 2; c++) {
    start_ckpt();
    seed(c);
    CHECK(a == (c ? 112 : 111));
    stop_ckpt(1);
    CHECK(a == 1 && cells[c] == 0);
  }
  start_ckpt();
  maybe_null(NULL);
  maybe_null(&cells[5]);
  sum(100);
  CHECK(total == 4955 && cells[5] == 7);
  stop_ckpt(1);
  CHECK(total == 5 && cells[5] == 0);
  for (int c = 0; c < 2; c++) {
    start_ckpt();
    write_kept(c);
    CHECK(kept == (c ? 31 : 21));
    stop_ckpt(1);
    CHECK(kept == 20);
  }
  for (int rollback = 0; rollback < 2; rollback++) {
    start_ckpt();
    around_inner(rollback);
    stop_ckpt(1);
    CHECK(a == 1);
  }
  nested_in_one();
  rewound();
  return 0;
}
