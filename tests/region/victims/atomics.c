// Goal: atomic operations go back as stores do.
#include <belay/region.h>
#include <stdatomic.h>

#include "check.h"

static atomic_int added = 1, exchanged = 1, compared = 1, stored = 1;
static _Atomic unsigned char narrow = 1;

__attribute__((noinline)) static void change(void) {
  int expected = 1;
  atomic_fetch_add(&added, 5);
  atomic_exchange(&exchanged, 7);
  atomic_compare_exchange_strong(&compared, &expected, 9);
  atomic_store(&stored, 11);
  atomic_fetch_or(&narrow, 0xf0);
}

int main(void) {
  start_ckpt_once();
  change();
  stop_ckpt(1);
  CHECK(added == 1 && exchanged == 1 && compared == 1 && stored == 1 && narrow == 1);
  start_ckpt_once();
  change();
  stop_ckpt(0);
  CHECK(added == 6 && exchanged == 7 && compared == 9 && stored == 11 && narrow == 0xf1);
  return 0;
}
