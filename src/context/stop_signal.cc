#include "context/stop_signal.h"

#include "base/exempt_data.h"
#include "base/syscall.h"

extern "C" __attribute__((visibility("hidden"))) void belay_signal_return();

namespace belay {
namespace {

// As the kernel has it (rt_sigaction(2)), not as libc does.
struct KernelAction {
  void (*handler)(int, siginfo_t*, void*);
  unsigned long flags;
  void (*restorer)();
  uint64_t mask;
};
constexpr unsigned long kRestorerFlag = 0x04000000;

BELAY_EXEMPT_DATA constinit StopSignalHandlers g_handlers = {};
BELAY_EXEMPT_DATA constinit KernelAction g_previous = {};  // glibc's, once it has one

void on_signal(int number, siginfo_t* info, void* context) {
  if (info->si_code == kStopCode) {
    g_handlers.stop(info->si_value.sival_ptr, static_cast<ucontext_t*>(context));
  } else if (info->si_code == SI_QUEUE && info->si_value.sival_int == kCheckpointRequestValue) {
    g_handlers.request();
  } else if (auto handler = g_previous.handler;
             handler != nullptr && reinterpret_cast<uintptr_t>(handler) != 1) {
    handler(number, info, context);
  }
}

}  // namespace

long arm_stop_signal(const StopSignalHandlers& handlers) {
  KernelAction current{};
  sys::call(SYS_rt_sigaction, kStopSignal, nullptr, &current, 8);
  g_handlers = handlers;
  if (current.handler == on_signal) return 0;
  g_previous = current;
  // All signals wait while a thread is stopped. On the alternate stack where there is one: its
  // owner says that the ordinary stack may be too small.
  KernelAction ours{on_signal, SA_SIGINFO | SA_RESTART | SA_ONSTACK | kRestorerFlag,
                    belay_signal_return, ~uint64_t{0}};
  return sys::call(SYS_rt_sigaction, kStopSignal, &ours, nullptr, 8);
}

long send_stop_signal(int pid, int tid, void* value) {
  siginfo_t info{};
  info.si_signo = kStopSignal;
  info.si_code = kStopCode;
  info.si_pid = pid;
  info.si_value.sival_ptr = value;
  return sys::call(SYS_rt_tgsigqueueinfo, pid, tid, kStopSignal, &info);
}

}  // namespace belay
