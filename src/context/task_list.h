// The threads of this process, from /proc/self/task. Allocates nothing.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace belay {

class TaskList {
 public:
  ~TaskList();
  Status open();
  int next();  // a tid, 0 at the end

 private:
  int fd_ = -1;
  long used_ = 0, at_ = 0;
  alignas(8) char buffer_[8192];
};

// Whether it has ended and only its id is left. False when it is gone altogether.
bool task_is_zombie(int pid, int tid);

}  // namespace belay
