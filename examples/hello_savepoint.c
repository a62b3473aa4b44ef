// A program that tries something, and is as it was.
#include <belay/savepoint.h>
#include <stdio.h>

static char board[3][4] = {"...", "...", "..."};

int main(void) {
  int* tried = belay_exempt_malloc(sizeof *tried);  // stays, whatever goes back
  *tried = 0;
  belay_savepoint_t here;
  int cell = savepoint(&here);  // 0 now; then, what rollback_to() says
  if (cell < 0) return puts(belay_crerror()), 1;
  board[cell / 3][cell % 3] = 'x';
  ++*tried;
  if (cell < 8) rollback_to(here, cell + 1);  // does not return
  printf("%s\n%s\n%s\n%d tried\n", board[0], board[1], board[2], *tried);
  return 0;
}
