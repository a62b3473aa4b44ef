// Goal: two functions of the same code that the linker has folded into one, of which one keeps its
// writes: a pointer to them is refused, calls by name do what each is to do.
// Error: the linker has folded them
// Error: --icf=safe
#include <belay/region.h>

#include "../victims/check.h"

int word;
__attribute__((noinline)) void undone(int value) { word = value; }
BELAY_KEEP void kept(int value) { word = value; }
void (*volatile pointer)(int) = undone;
void (*volatile other)(int) = kept;

int main(void) {
  CHECK(pointer == other);
  start_ckpt();
  undone(1);
  stop_ckpt(1);
  CHECK(word == 0);
  start_ckpt();
  kept(2);
  stop_ckpt(1);
  CHECK(word == 2);
  start_ckpt();
  pointer(3);
  stop_ckpt(1);
  return 0;
}
