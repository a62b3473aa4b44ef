// The signal by which Belay reaches a thread: 33, which glibc keeps for setuid() and therefore lets
// no program block, ignore or wait for. What is not Belay's is passed on to glibc's handler.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include <cstdint>

namespace belay {

constexpr int kStopSignal = 33;

// si_code of Belay's own signals to a thread (rt_tgsigqueueinfo, si_value: the StoppedThread).
constexpr int kStopCode = -0x6265;
// si_value of a request from elsewhere (rt_sigqueueinfo, si_code SI_QUEUE): take a checkpoint.
constexpr int kCheckpointRequestValue = 0x6265C4B7;

struct StopSignalHandlers {
  void (*stop)(void* value, ucontext_t* context);
  void (*request)();
};

// Installs Belay's handler, or puts it back where glibc has replaced it (it does so at the first
// pthread_create or setuid). Cheap: meant to be called before each use. Returns 0 or -errno.
long arm_stop_signal(const StopSignalHandlers& handlers);

// Sends it to one thread of this process.
long send_stop_signal(int pid, int tid, void* value);

}  // namespace belay
