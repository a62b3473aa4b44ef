// Goal: however a function's address comes about, a region that calls it finds its clone: direct
// calls, stubs of the linkage table, functions that the loader dispatches (ifuncs), libc's too.
#define _GNU_SOURCE
#include <belay/region.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "../victims/check.h"
#include "library.h"

int* state;
static void own_implementation(int value) { state[5] = value; }
static void own_unused(int value) { state[6] = value; }
static volatile int which;
static setter resolve_own(void) { return which ? own_unused : own_implementation; }
static setter (*volatile used)(void) __attribute__((used)) = resolve_own;
DISPATCHED_BY(own_dispatched, resolve_own, own_implementation)

// Read at run time, so that no call is direct after all.
setter volatile pointed = lib_pointed;
setter volatile dispatched = lib_dispatched;
setter volatile own = own_dispatched;
void* (*volatile copy)(void*, const void*, size_t) = memcpy;
size_t (*volatile length)(const char*) = strlen;

// Names that a program might have used itself.
char* (*volatile find)(const char*, int) = index;
void (*volatile swap)(const void*, void*, ssize_t) = swab;

static void region(int rollback) {
  char text[32] = "before";
  start_ckpt();
  lib_direct(1);
  CHECK(state[0] == 1);
  pointed(2);
  CHECK(state[1] == 2);
  lib_own_pointer()(3);
  CHECK(state[1] == 3);
  lib_hidden_pointer()(4);
  lib_static_pointer()(5);
  CHECK(state[2] == 4 && state[3] == 5);
  lib_dispatched(6);
  CHECK(state[4] == 6);
  dispatched(7);
  CHECK(state[4] == 7);
  lib_dispatched_pointer()(8);
  CHECK(state[4] == 8);
  lib_calls_dispatched(8);
  CHECK(state[4] == 9);
  own_dispatched(10);
  CHECK(state[5] == 10);
  own(11);
  CHECK(state[5] == 11);
  copy(text, "after", 6);
  CHECK(length(text) == 5);
  CHECK(find(text, 't') == text + 2 && index(text, 't') == text + 2 && rindex(text, 'f'));
  CHECK(time(0) != 0);
  swap("ab", text, 2);
  swab("cd", text + 2, 2);
  CHECK(strcmp(text, "badcr") == 0);
  memcpy(text, "after", 5);
  stop_ckpt(rollback);
  CHECK(strcmp(text, rollback ? "before" : "after") == 0);
}

int main(void) {
  state = lib_state();
  for (int round = 0; round < 3; round++) {
    region(1);
    for (int i = 0; i < 8; i++) CHECK(state[i] == 0);
  }
  region(0);
  CHECK(state[0] == 1 && state[1] == 3 && state[2] == 4 && state[3] == 5 && state[4] == 9);
  CHECK(state[5] == 11);
  return 0;
}
