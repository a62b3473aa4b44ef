/* Prints "ready PID"; counts the lines of its standard input and prints each number. A line "fail"
   ends it with 3, the end of the input with 0. What it has counted is in memory only. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
  char line[16];
  size_t length = 0;
  int count = 0;
  printf("ready %d\n", getpid());
  fflush(stdout);
  for (char c; read(0, &c, 1) == 1;) {
    if (c != '\n') {
      if (length + 1 < sizeof line) line[length++] = c;
      continue;
    }
    line[length] = '\0';
    length = 0;
    if (strcmp(line, "fail") == 0) return 3;
    printf("%d\n", ++count);
    fflush(stdout);
  }
  return 0;
}
