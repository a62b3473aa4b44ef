// The threads of this process. Allocates nothing.
#pragma once

#include "base/number_list.h"

namespace belay {

// next() is a tid, -1 at the end.
class TaskList : public NumberList {
 public:
  Status open() { return NumberList::open("/proc/self/task"); }
};

// Whether it has ended and only its id is left. False when it is gone altogether.
bool task_is_zombie(int pid, int tid);

}  // namespace belay
