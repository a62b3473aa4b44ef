// Goal: a block that the markers' function allocated before the region is not taken for one that
// was born in it.
#include <belay/region.h>
#include <stdlib.h>

#include "check.h"

__attribute__((noinline)) static int run(int undo) {
  int* block = malloc(4 * sizeof *block);
  block[2] = 1;
  start_ckpt_once();
  block[2] = 2;
  stop_ckpt(undo);
  int result = block[2];
  free(block);
  return result;
}

int main(void) {
  CHECK(run(1) == 1);
  CHECK(run(0) == 2);
  return 0;
}
