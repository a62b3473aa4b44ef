// Goal: a region does not run on with a count that printf() has written and nothing would undo.
// Error: with a conversion n in a region
// Build: -w
#include <belay/region.h>
#include <stdio.h>

int count;

int main(void) {
  start_ckpt();
  printf("100%%n, %-*d %hhn", 4, 1, (signed char*)&count);
  stop_ckpt(1);
  return 0;
}
