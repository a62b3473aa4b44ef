#include <belay/region.h>
#include <stdio.h>

extern int cells[8];
void put_cell(int at, int value);

int main(void) {
  put_cell(1, 5);
  for (int rollback = 1; rollback >= 0; rollback--) {
    start_ckpt();
    put_cell(1, 6);
    put_cell(2, 7);
    stop_ckpt(rollback);
    printf("%d %d\n", cells[1], cells[2]);
  }
  return 0;
}
