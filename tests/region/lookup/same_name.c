// Goal: a function of the program that has the name of a library function without effects is called
// through a pointer as what it is.
#include "same_name.h"

#include <belay/region.h>

#include "../victims/check.h"

int main(void) {
  void (*volatile pointer)(const char*) = program_log();
  start_ckpt();
  pointer("line");
  CHECK(*lines() == 1);
  stop_ckpt(1);
  CHECK(*lines() == 0);
  return 0;
}
