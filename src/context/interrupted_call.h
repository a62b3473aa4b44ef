// System calls that a signal ends with EINTR even under SA_RESTART (signal(7)): the program must
// not notice that Belay stopped it in one.
//
// In the process that runs on, restart_syscall(2), made inside the handler, continues a sleep with
// the time that the kernel knows to be left. In a restored process the kernel knows nothing: a
// sleep goes on with what is left as far as Belay saw (never too short; too long by at most the
// time from its start to the first checkpoint in it).
#pragma once

#include <ucontext.h>

#include <cstdint>

namespace belay {

// One stop of a thread, from the handler's view.
struct StopPoint {
  ucontext_t* context = nullptr;
  uint64_t stopped_ns = 0;  // CLOCK_MONOTONIC
};

// True if the signal that made `context` interrupted Belay's own continued call. Then
// continue_outer() takes the thread back into the outer handler, and does not return.
bool interrupted_own_call(const ucontext_t* context);
[[noreturn]] void continue_outer(ucontext_t* context, bool restored);

// Finishes the call that `stop` interrupted, if it was one: to be called last in the handler,
// before it returns. `restored`: in a process that has come back.
void finish_interrupted_call(const StopPoint& stop, bool restored);

}  // namespace belay
