// Goal: a pointer to a function that was not compiled with belay-cc is refused, by its name.
// Error: a region calls lib_pointed
// Error: from main
#include <belay/region.h>

#include "library.h"

int main(void) {
  setter pointed = lib_own_pointer();
  start_ckpt();
  pointed(1);
  stop_ckpt(1);
  return 0;
}
