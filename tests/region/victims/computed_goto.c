// Goal: a computed goto in a function that a region calls stays in the function that logs; its
// table of labels is one for both.
// Output: outside 14
// Output: undone 0
// Output: kept 14
#include <belay/region.h>
#include <stdio.h>

static int sum;

__attribute__((noinline)) static void run(const unsigned char* code) {
  static const void* const labels[] = {&&add, &&twice, &&end};
next:
  goto* labels[*code++];
add:
  sum += 7;
  goto next;
twice:
  sum *= 2;
  goto next;
end:
  return;
}

int main(void) {
  static const unsigned char code[] = {0, 1, 2};
  run(code);
  printf("outside %d\n", sum);
  sum = 0;
  for (int rollback = 1; rollback >= 0; rollback--) {
    start_ckpt();
    run(code);
    stop_ckpt(rollback);
    printf("%s %d\n", rollback ? "undone" : "kept", sum);
  }
  return 0;
}
