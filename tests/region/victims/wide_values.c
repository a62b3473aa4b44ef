// Goal: values that take a call of the compiler's own library: products of complex numbers, and
// atomic objects that no instruction is as wide as.
// Build: -latomic
#include <belay/region.h>
#include <complex.h>
#include <stdatomic.h>

#include "check.h"

struct Three {
  long a, b, c;
};
static long double complex product = 1 + 2 * I;
static double complex quotient = 3 + 4 * I;
static _Atomic struct Three three;
static _Atomic __int128 sixteen;
static _Atomic long double real;

__attribute__((noinline)) static int change(int n) {
  product *= n + 2.0L * I;
  product /= n + 1.0L * I;
  quotient /= 1 + n * I;
  struct Three made = {n, n + 1, n + 2}, seen = three;
  three = made;
  made.a += seen.c;
  struct Three expected = {n, n + 1, n + 2};
  int exchanged = atomic_compare_exchange_strong(&three, &expected, made);
  seen = atomic_exchange(&three, ((struct Three){7, 8, 9}));
  sixteen += n;
  real += n;
  return exchanged && seen.a == n;
}

static int is_as_begun(void) {
  struct Three now = three;
  return creall(product) == 1 && cimagl(product) == 2 && creal(quotient) == 3 && now.a == 0 &&
         now.c == 0 && sixteen == 0 && real == 0;
}

int main(void) {
  start_ckpt();
  CHECK(change(5));
  stop_ckpt(1);
  CHECK(is_as_begun());
  start_ckpt();
  CHECK(change(5));
  stop_ckpt(0);
  struct Three now = three;
  CHECK(now.a == 7 && now.b == 8 && now.c == 9 && sixteen == 5 && real == 5);
  CHECK(!is_as_begun());
  return 0;
}
