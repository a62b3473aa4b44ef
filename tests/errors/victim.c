/* Does what it is told, a word a line, and answers each with a line: "0" or "-1 ERRNO SENTENCE".
   An empty line, or the end of the input, ends it with 0. */
#include <belay/checkpoint_restore.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef VICTIM_BUILD
#define VICTIM_BUILD "one build"
#endif
const char victim_build[] = VICTIM_BUILD;

static int count, extra_fd = -1;
static pid_t child;

static void answer(int result) {
  if (result < 0)
    printf("%d %d %s\n", result, errno, crerror());
  else
    printf("%d\n", result);
}

/* Touches memory, so that the next checkpoint is not a small one. */
static int grow(void) {
  size_t bytes = 64 << 20;
  volatile char* block = malloc(bytes);
  if (block == NULL) return -1;
  for (size_t i = 0; i < bytes; i += 64) block[i] = (char)(i * 2654435761u >> 7);
  return 0;
}

/* Files of this process may not grow past `bytes`, as on a full disk. */
static int limit(rlim_t bytes) {
  struct rlimit now = {bytes, RLIM_INFINITY};
  return setrlimit(RLIMIT_FSIZE, &now);
}

static int open_deleted(void) {
  extra_fd = open("deleted", O_RDWR | O_CREAT, 0600);
  return unlink("deleted");
}

static int start_child(void) {
  child = fork();
  if (child == 0)
    for (;;) pause();
  return child < 0 ? -1 : 0;
}

static int end_child(void) {
  kill(child, SIGKILL);
  return waitpid(child, NULL, 0) == child ? 0 : -1;
}

static int obey(const char* word) {
  if (strcmp(word, "checkpoint") == 0) return checkpoint();
  if (strcmp(word, "count") == 0) return ++count;
  if (strcmp(word, "grow") == 0) return grow();
  if (strcmp(word, "limit") == 0) return limit(1 << 20);
  if (strcmp(word, "unlimit") == 0) return limit(RLIM_INFINITY);
  if (strcmp(word, "socket") == 0) return (extra_fd = socket(AF_UNIX, SOCK_STREAM, 0)) < 0 ? -1 : 0;
  if (strcmp(word, "deleted") == 0) return open_deleted();
  if (strcmp(word, "file") == 0) {
    extra_fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    return write(extra_fd, "0123456789", 10) == 10 ? 0 : -1;
  }
  if (strcmp(word, "close") == 0) return close(extra_fd);
  if (strcmp(word, "child") == 0) return start_child();
  if (strcmp(word, "end-child") == 0) return end_child();
  if (strcmp(word, "pid") == 0) return getpid();
  return -2;
}

int main(void) {
  struct crattr manual = {.interval_ms = CR_INTERVAL_MANUAL};
  char line[64];
  signal(SIGXFSZ, SIG_IGN);
  if (crinit(&manual) != 0 || restore() < 0) {
    printf("%d %s\n", errno, crerror());
    return 1;
  }
  printf("ready\n");
  for (;;) {
    fflush(stdout);
    size_t length = 0;
    /* No FILE: what it has read ahead would come back with the checkpoint. */
    while (read(0, line + length, 1) == 1 && line[length] != '\n' && length + 2 < sizeof line)
      length++;
    if (length == 0) return 0;
    line[length] = '\0';
    answer(obey(line));
  }
}
