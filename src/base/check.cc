#include "base/check.h"

#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "base/syscall.h"

namespace belay {

void check_failed(const char* condition, const char* file, int line) {
  char text[512];
  auto end = fmt::format_to_n(text, sizeof text, "belay: bug: {} is false at {}:{}\n", condition,
                              file, line);
  sys::write(2, text, end.size < sizeof text ? end.size : sizeof text);
  sys::call(SYS_kill, sys::call(SYS_getpid), SIGABRT);
  sys::call(SYS_exit_group, 134);
  __builtin_unreachable();
}

}  // namespace belay
