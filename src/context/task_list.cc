#include "context/task_list.h"

#include <fcntl.h>

#include <cstring>

#include "base/syscall.h"

namespace belay {

bool task_is_zombie(int pid, int tid) {
  char path[64];
  *fmt::format_to_n(path, sizeof path - 1, "/proc/{}/task/{}/stat", pid, tid).out = '\0';
  long fd = sys::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[128];
  long n = sys::call(SYS_read, fd, text, sizeof text - 1);
  sys::call(SYS_close, fd);
  if (n <= 0) return false;
  text[n] = '\0';
  const char* state = strrchr(text, ')');  // after the name, which may hold anything
  return state != nullptr && state[1] == ' ' && (state[2] == 'Z' || state[2] == 'X');
}

}  // namespace belay
