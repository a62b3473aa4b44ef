// Goal: a function of the program's own that has the name of one of the C library's, but was not
// compiled by belay-cc, is refused in a region, and not taken for the library's.
// Build: -Wno-incompatible-library-redeclaration
// Error: a region calls the program's own error\(\), and nobody knows what that writes
#include <belay/region.h>

// Stands for an object that another compiler made: a name for the linker only, and no clone.
__asm__(
    ".globl error\n"
    ".type error, %function\n"
    "error:\n"
    "ret\n"
    ".size error, .-error");
void error(const char* what);

int main(void) {
  start_ckpt();
  error("not the library's");
  stop_ckpt(1);
  return 0;
}
