#include "base/number_list.h"

#include <dirent.h>
#include <fcntl.h>

#include "base/syscall.h"

namespace belay {

NumberList::~NumberList() {
  if (fd_ >= 0) sys::call(SYS_close, fd_);
}

Status NumberList::open(const char* directory) {
  fd_ = int(sys::call(SYS_openat, AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd_ < 0) return fail(-fd_, "{}: {}", directory, errno_text(-fd_));
  return {};
}

int NumberList::next() {
  for (;;) {
    if (at_ >= used_) {
      used_ = sys::call(SYS_getdents64, fd_, buffer_, sizeof buffer_);
      at_ = 0;
      if (used_ <= 0) return -1;
    }
    auto* entry = reinterpret_cast<dirent64*>(buffer_ + at_);
    at_ += entry->d_reclen;
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    int number = 0;
    for (const char* c = entry->d_name; *c >= '0' && *c <= '9'; c++)
      number = number * 10 + (*c - '0');
    return number;
  }
}

}  // namespace belay
