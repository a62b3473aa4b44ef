// The second example of README.md: a payment that can't be made in full is not made at all.
#include <belay/region.h>
#include <stdio.h>

static int purse[3] = {50, 20, 0};
static void pay(int from, int to, int sum) { purse[from] -= sum, purse[to] += sum; }

int main(void) {
  for (int sum = 10; sum <= 60; sum += 25) {
    start_ckpt();
    pay(0, 1, sum), pay(1, 2, sum);
    stop_ckpt(purse[0] < 0);  // not 0: every write since start_ckpt() is undone
    printf("%d: %d %d %d\n", sum, purse[0], purse[1], purse[2]);
  }
}
