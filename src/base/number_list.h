// The numbers that name the entries of a /proc directory: the threads in /proc/self/task, the
// descriptors in /proc/self/fd. Allocates nothing.
#pragma once

#include "base/error.h"

namespace belay {

class NumberList {
 public:
  NumberList() = default;
  NumberList(const NumberList&) = delete;
  NumberList& operator=(const NumberList&) = delete;
  ~NumberList();

  Status open(const char* directory);
  int next();                     // -1 at the end
  int fd() const { return fd_; }  // which /proc/self/fd lists too

 private:
  int fd_ = -1;
  long used_ = 0, at_ = 0;
  alignas(8) char buffer_[8192];
};

}  // namespace belay
