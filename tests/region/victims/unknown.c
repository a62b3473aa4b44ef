// Goal: a call whose effects nobody knows ends the program before it is made, with the way to it.
// Error: a region calls sethostid
// Error: from ask\S* \(addr2line -Cfe /
// Error: from main
// Error: BELAY_CKPT_UNKNOWN=allow
// Build: -D_DEFAULT_SOURCE
#include <belay/region.h>
#include <unistd.h>

int group;

__attribute__((noinline)) static void ask(void) { group = sethostid(1); }

int main(void) {
  start_ckpt();
  ask();
  stop_ckpt(1);
  return 0;
}
