// Goal: output that waited and can't be written is no success, although the region was told so.
// Says 2: what a region has printed could not be written
// Build: -w
#include <belay/region.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

// A child's status. What is longer than the stream's buffer fails before the stream is closed.
static int print_lost(int lines) {
  if (fork() == 0) {
    freopen("/dev/full", "w", stdout);
    start_ckpt();
    for (int i = 0; i < lines; i++) puts("lost");
    exit(fclose(stdout) == 0 ? EXIT_SUCCESS : 9);
  }
  int status;
  wait(&status);
  return WEXITSTATUS(status);
}

int main(void) {
  if (print_lost(0) != EXIT_SUCCESS) return 1;
  if (print_lost(1) != EXIT_FAILURE) return 2;
  if (print_lost(100000) != EXIT_FAILURE) return 3;
  return 0;
}
