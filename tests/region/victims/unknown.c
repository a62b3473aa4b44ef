// Goal: a call whose effects nobody knows ends the program before it is made, with the way to it.
// Error: a region calls tcgetpgrp
// Error: from
// Error: BELAY_CKPT_UNKNOWN=allow
#include <belay/region.h>
#include <unistd.h>

int group;

static void ask(void) { group = tcgetpgrp(0); }

int main(void) {
  start_ckpt();
  ask();
  stop_ckpt(1);
  return 0;
}
