#include "context/task_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include <cstring>

#include "base/syscall.h"

namespace belay {

TaskList::~TaskList() {
  if (fd_ >= 0) sys::call(SYS_close, fd_);
}

Status TaskList::open() {
  fd_ = int(sys::call(SYS_openat, AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd_ < 0) return fail(-fd_, "/proc/self/task: {}", errno_text(-fd_));
  return {};
}

int TaskList::next() {
  for (;;) {
    if (at_ >= used_) {
      used_ = sys::call(SYS_getdents64, fd_, buffer_, sizeof buffer_);
      at_ = 0;
      if (used_ <= 0) return 0;
    }
    auto* entry = reinterpret_cast<dirent64*>(buffer_ + at_);
    at_ += entry->d_reclen;
    int tid = 0;
    for (const char* c = entry->d_name; *c >= '0' && *c <= '9'; c++) tid = tid * 10 + (*c - '0');
    if (tid != 0) return tid;
  }
}

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
