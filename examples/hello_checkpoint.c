// Counts, kills itself in the middle, and goes on counting when it is run again.
#include <belay/checkpoint_restore.h>
#include <signal.h>
#include <stdio.h>

int main(void) {
  if (crinit(NULL) != 0 || restore() < 0) return puts(crerror()), 1;
  for (int step = 1; step <= 5; step++) {
    printf("step %d\n", step);
    if (step == 3 && checkpoint() == 0) raise(SIGKILL);  // 1: it has just come back
  }
  return 0;
}
