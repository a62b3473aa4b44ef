// Goal: a child that fork() makes in a region puts out what it does at once, as its region never
// commits; but what a region of its own undoes. What ends a program writes what waits.
// Output: before
// Output: child
// Output: its region
// Output: raw
// Output: after
#include <belay/region.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int shared = 1;

static void write_raw(const char* text) {
  if (write(STDOUT_FILENO, text, strlen(text)) < 0) abort();
}

static int status_of(pid_t child) {
  int status = -1;
  if (waitpid(child, &status, 0) != child) abort();
  return status;
}

static void run_child(void) {
  shared = 2;
  char name[16] = "";
  CHECK(prctl(PR_SET_NAME, "victim", 0, 0, 0) == 0);
  start_ckpt();
  CHECK(prctl(PR_GET_NAME, name, 0, 0, 0) == 0 && strcmp(name, "victim") == 0);
  stop_ckpt(1);
  CHECK(name[0] == '\0');
  printf("child\n");
  fflush(stdout);
  start_ckpt();
  printf("undone\n");
  stop_ckpt(1);
  start_ckpt();
  printf("its region\n");
  stop_ckpt(0);
  fflush(stdout);
  start_ckpt();
  write_raw("raw\n");
  _exit(7);
}

static int status;

int main(void) {
  start_ckpt();
  printf("before\n");
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) run_child();
  status = status_of(child);
  CHECK(shared == 1);
  stop_ckpt(0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  printf("after\n");
  return 0;
}
