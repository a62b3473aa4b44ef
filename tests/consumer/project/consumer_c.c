// Goal: a C program built from an install is killed after a checkpoint, and comes back to it.
#include <belay/checkpoint_restore.h>
#include <signal.h>
#include <stdio.h>

int main(void) {
  if (crinit(NULL) != 0 || restore() < 0) {
    fprintf(stderr, "%s\n", crerror());
    return 1;
  }
  int* number = crmalloc(sizeof *number);
  *number = 41;
  int result = checkpoint();
  if (result == 0) raise(SIGKILL);
  if (result < 0) {
    fprintf(stderr, "%s\n", crerror());
    return 1;
  }
  printf("came back with %d\n", *number + 1);
  return 0;
}
