// Goal: pointers to functions, recursion, varargs, callbacks of libc, setjmp: whatever a region
// calls is logged.
#include <belay/region.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "check.h"

int state[8];
static void set0(int x) { state[0] = x; }
static void set1(int x) { state[1] = x; }
void set2(int x) { state[2] = x; }
void (*table[])(int) = {set0, set1, set2};

__attribute__((noinline)) int total(int count, ...) {
  va_list arguments;
  va_start(arguments, count);
  int sum = 0;
  for (int i = 0; i < count; i++) sum += va_arg(arguments, int);
  va_end(arguments);
  return state[3] = sum;
}

__attribute__((noinline)) int depth(int n) { return n == 0 ? 0 : (state[4] = n, depth(n - 1) + 1); }

int compared;
static int compare(const void* a, const void* b) {
  compared++;
  return *(const int*)a - *(const int*)b;
}

struct Big {
  int values[20];
};
__attribute__((noinline)) struct Big changed(struct Big big) {
  big.values[3] = 33;
  state[5] = big.values[3];
  return big;
}

jmp_buf out;
__attribute__((noinline)) static void jump(void) {
  state[6] = 6;
  longjmp(out, 1);
}
__attribute__((noinline)) static void jumping(void) {
  if (setjmp(out) == 0) jump();
  state[7] = 7;
}

int main(void) {
  int numbers[] = {5, 3, 9, 1};
  char text[32] = "before";
  struct Big big = {{0}};
  for (int round = 0; round < 3; round++) {
    start_ckpt();
    for (int i = 0; i < 3; i++) table[i](i + 1);
    CHECK(total(3, 1, 2, 3) == 6);
    CHECK(depth(10) == 10);
    qsort(numbers, 4, sizeof numbers[0], compare);
    CHECK(numbers[0] == 1 && numbers[3] == 9 && compared > 0);
    strcpy(text, "a text");
    strcat(text, ", longer");
    snprintf(text + 20, 8, "%d", 42);
    CHECK(strcmp(text, "a text, longer") == 0);
    big = changed(big);
    jumping();
    CHECK(state[0] == 1 && state[1] == 2 && state[2] == 3 && state[5] == 33);
    CHECK(state[6] == 6 && state[7] == 7);
    stop_ckpt(1);
    for (int i = 0; i < 8; i++) CHECK(state[i] == 0);
    CHECK(compared == 0 && numbers[0] == 5 && numbers[3] == 1);
    CHECK(strcmp(text, "before") == 0 && text[20] == 0 && big.values[3] == 0);
  }
  return 0;
}
