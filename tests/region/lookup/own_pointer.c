// Goal: the same through a pointer.
// Error: a region calls index, and nobody knows what that writes
#include <belay/region.h>

#include "own_name.h"

int main(void) {
  void (*volatile pointer)(int) = index;
  start_ckpt();
  pointer(3);
  stop_ckpt(1);
  return 0;
}
