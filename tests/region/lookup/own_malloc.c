// Goal: a program may have an allocator of its own by the standard's names: in a region, pointers
// to it are those to the library's.
#include <belay/region.h>
#include <stdlib.h>
#include <string.h>

#include "../victims/check.h"

static void* (*volatile allocate)(size_t) = malloc;
static void* (*volatile resize)(void*, size_t) = realloc;
static void (*volatile release)(void*) = free;

static char* older;

static void work(void) {
  char* block = allocate(100);
  memset(block, 1, 100);
  older = resize(older, 200);
  older[0] = 2;
  release(block);
}

int main(void) {
  older = allocate(16);
  older[0] = 1;
  char* const before = older;
  start_ckpt();
  work();
  stop_ckpt(1);
  CHECK(older == before && older[0] == 1);
  start_ckpt();
  work();
  stop_ckpt(0);
  CHECK(older != before && older[0] == 2);
  return 0;
}
