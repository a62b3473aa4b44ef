#include "base/priority.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/syscall.h"

namespace belay {
namespace {

constexpr uint64_t kSliceNs = 100'000;  // the least that EEVDF takes

int own_nice() { return 20 - int(sys::call(SYS_getpriority, PRIO_PROCESS, 0)); }

}  // namespace

void ask_for_short_slices() {
  sched_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.sched_policy = SCHED_NORMAL;
  attributes.sched_nice = own_nice();
  attributes.sched_runtime = kSliceNs;
  sys::call(SYS_sched_setattr, 0, &attributes, 0);
}

AheadOfProgram::AheadOfProgram(int steps) : nice_(own_nice()) {
  sys::call(SYS_setpriority, PRIO_PROCESS, 0, std::max(nice_ - steps, -20));
}

AheadOfProgram::~AheadOfProgram() { sys::call(SYS_setpriority, PRIO_PROCESS, 0, nice_); }

}  // namespace belay
