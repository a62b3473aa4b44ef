// Goal: functions of headers whose copies come from an object that Belay has not compiled are found
// by their addresses all the same, and logged.
#include "comdat.h"

#include <belay/region.h>

#include "../victims/check.h"

void (*volatile pointer)(int) = add;

int main() {
  Base* volatile base = new Base;
  void (*volatile elsewhere)(int) = pointer_from_elsewhere();
  CHECK(elsewhere == pointer);
  for (int round = 0; round < 3; round++) {
    start_ckpt();
    add(1);
    pointer(2);
    elsewhere(4);
    CHECK(count == 7);
    base->put(9);
    CHECK(count == 9);
    stop_ckpt(1);
    CHECK(count == 0);
  }
  return 0;
}
