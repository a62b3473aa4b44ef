// A program whose kernel panics whenever it has come to its checkpoint, or back to it. For a
// machine of its own.
#include <belay/autonomize.h>
#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

int main(void) {
  au_request_checkpoint();
  int came = au_checkpoint();
  printf("%s\n", came == 1 ? "taken" : came == 2 ? "restored" : belay_au_error());
  fflush(stdout);
  tcdrain(STDOUT_FILENO);  // or it goes with the kernel
  int trigger = open("/proc/sysrq-trigger", O_WRONLY);
  return write(trigger, "c", 1) == 1 ? 0 : 1;
}
