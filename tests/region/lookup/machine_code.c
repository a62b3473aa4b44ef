// Goal: a pointer to machine code that nobody compiled, in the first bytes of a mapping without
// neighbours: refused before it is called, with its address, and nothing around it is read.
// Error: a region calls a function at 0x
// Error: from call
#include "machine_code.h"

#include <belay/region.h>

__attribute__((noinline)) void call(void (*function)(void)) { function(); }

int main(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char* pages = mmap(0, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED && munmap(pages, page) == 0 && munmap(pages + 2 * page, page) == 0);
  void (*function)(void) = (void (*)(void))(pages + page);
  put_code(pages + page);
  call(function);
  start_ckpt();
  call(function);
  stop_ckpt(1);
  return 0;
}
