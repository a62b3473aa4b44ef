// Goal: a structure that a function returns goes back too, where clang builds it in place of the
// result (csmith found that it did not).
#include <belay/region.h>
#include <string.h>

#include "check.h"

struct Small {
  int a, b;
};
struct Bits {
  unsigned low : 3, high : 22;
  signed sign : 5;
};
struct Large {
  long words[40];
};

#define RETURNS(type)                                           \
  __attribute__((noinline)) struct type make_##type(void) {     \
    struct type made;                                           \
    memset(&made, 0x55, sizeof made);                           \
    return made;                                                \
  }                                                             \
  __attribute__((noinline)) struct type undo_##type(int undo) { \
    struct type result;                                         \
    memset(&result, 0, sizeof result);                          \
    start_ckpt_once();                                          \
    result = make_##type();                                     \
    stop_ckpt(undo);                                            \
    return result;                                              \
  }
RETURNS(Small)
RETURNS(Bits)
RETURNS(Large)

int main(void) {
  CHECK(undo_Small(1).a == 0 && undo_Small(1).b == 0);
  CHECK(undo_Small(0).b == 0x55555555);
  CHECK(undo_Bits(1).high == 0 && undo_Bits(1).sign == 0);
  CHECK(undo_Bits(0).low == 5);
  CHECK(undo_Large(1).words[0] == 0 && undo_Large(1).words[39] == 0);
  CHECK(undo_Large(0).words[39] == 0x5555555555555555);
  return 0;
}
