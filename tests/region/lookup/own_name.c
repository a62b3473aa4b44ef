// Goal: a function of the program that has a name of libc's, and was not compiled by belay-cc, is
// refused in a region, and not taken for libc's, which writes nothing; outside it is called.
// Error: a region calls the program's own index\(\), and nobody knows what that writes
#include "own_name.h"

#include <belay/region.h>

#include "../victims/check.h"

int main(void) {
  index(2);
  CHECK(*indexed() == 2);
  start_ckpt();
  index(3);
  stop_ckpt(1);
  return 0;
}
