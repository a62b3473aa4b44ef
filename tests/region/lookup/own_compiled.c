// Goal: a function of the program that has a name of libc's is undone if belay-cc compiled it.
#include <belay/region.h>

#include "../victims/check.h"
#include "own_name.h"

int main(void) {
  void (*volatile pointer)(int) = index;
  for (int round = 0; round < 3; round++) {
    start_ckpt();
    index(3);
    CHECK(*indexed() == 3);
    pointer(4);
    CHECK(*indexed() == 7);
    stop_ckpt(1);
    CHECK(*indexed() == 0);
  }
  return 0;
}
