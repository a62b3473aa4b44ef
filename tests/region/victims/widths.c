// Goal: a word goes back whole when its first byte was written before it in the same region.
#include <belay/region.h>
#include <stdint.h>

#include "check.h"

static union {
  uint8_t byte;
  uint64_t word;
} both = {.word = 0x1122334455667788};

__attribute__((noinline)) static void write_byte(void) { both.byte = 1; }
__attribute__((noinline)) static void write_word(void) { both.word = 2; }

int main(void) {
  start_ckpt_once();
  write_byte();
  write_word();
  stop_ckpt(1);
  CHECK(both.word == 0x1122334455667788);
  return 0;
}
