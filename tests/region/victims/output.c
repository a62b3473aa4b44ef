// Goal: output of a region appears when it commits, in order, and never when it is undone.
// Output: one
// Output: two and 3
// Output: 45
// Output: six
#include <belay/region.h>
#include <stdio.h>

int main(void) {
  printf("one\n");
  start_ckpt();
  printf("undone %d\n", 1);
  puts("undone");
  stop_ckpt(1);
  start_ckpt();
  printf("two %s %d\n", "and", 3);
  start_ckpt();
  fputs("undone\n", stdout);
  stop_ckpt(1);
  putchar('4');
  fwrite("5\n", 1, 2, stdout);
  stop_ckpt(0);
  printf("six\n");
  return 0;
}
