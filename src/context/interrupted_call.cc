#include "context/interrupted_call.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cstring>

#include "base/syscall.h"
#include "context/resume.h"

extern "C" __attribute__((visibility("hidden"))) long belay_interruptible_call(
    long number, const long* arguments, void* outer, const void* signal_mask);
extern "C" __attribute__((visibility("hidden"))) char belay_interruptible_begin[];
extern "C" __attribute__((visibility("hidden"))) char belay_interruptible_return[];

namespace belay {
namespace {

constexpr int kSyscallBytes = 2;

greg_t& reg(ucontext_t* context, int index) { return context->uc_mcontext.gregs[index]; }

// The call's number is gone from rax. Compilers load it right before the instruction: look for
// `mov $number, %eax` in the last bytes. -1 where there is none: the program then sees EINTR.
long number_before(uint64_t after_call) {
  const auto* code = reinterpret_cast<const uint8_t*>(after_call) - kSyscallBytes;
  for (int back = 5; back <= 24; back++) {
    if (code[-back] != 0xb8) continue;
    uint32_t number;
    memcpy(&number, code - back + 1, sizeof number);
    if (number < 1024) return number;
  }
  return -1;
}

bool is_syscall(uint64_t after) {
  const auto* code = reinterpret_cast<const uint8_t*>(after) - kSyscallBytes;
  return code[0] == 0x0f && code[1] == 0x05;
}

// What a handler that finishes a call keeps on its stack; the nested handler finds it in rbx.
struct Continuation {
  ResumeContext context;
  uint64_t first_stop_ns;  // when Belay first saw the call: a lower bound of its age
  uint64_t last_stop_ns;
  bool restored;
};

// How long the call at hand may still take.
uint64_t left_ns(uint64_t asked_ns, const Continuation& continuation) {
  uint64_t seen = continuation.last_stop_ns - continuation.first_stop_ns;
  return asked_ns > seen ? asked_ns - seen : 0;
}

uint64_t to_ns(const timespec& time) {
  return uint64_t(time.tv_sec) * 1'000'000'000 + uint64_t(time.tv_nsec);
}
timespec to_timespec(uint64_t ns) { return {time_t(ns / 1'000'000'000), long(ns % 1'000'000'000)}; }

// The interrupted call with its original arguments.
struct Call {
  long number;
  long arguments[6];
  timespec relative;  // stands in for the program's, which must not change

  explicit Call(ucontext_t* context) : number(number_before(uint64_t(reg(context, REG_RIP)))) {
    const int registers[6] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
    for (int i = 0; i < 6; i++) arguments[i] = reg(context, registers[i]);
  }

  // Calls with a relative time-out, which only somebody who remembers their start can continue.
  bool timed() const {
    switch (number) {
      case SYS_epoll_wait:
      case SYS_epoll_pwait:
        return int(arguments[3]) > 0;
      case SYS_nanosleep:
        return true;
      case SYS_clock_nanosleep:
        return arguments[1] == 0;  // relative
      case SYS_poll:
        return int(arguments[2]) > 0;
      case SYS_futex: {
        int operation = int(arguments[1]) & FUTEX_CMD_MASK;
        return operation == FUTEX_WAIT && arguments[3] != 0;  // relative, unlike WAIT_BITSET
      }
    }
    return false;
  }

  // Calls that may simply be made again: they wait for ever, until a deadline, or the kernel has
  // written the time left into the program's own argument.
  bool repeatable() const {
    switch (number) {
      case SYS_pause:
      case SYS_rt_sigsuspend:
      case SYS_rt_sigtimedwait:
      case SYS_select:
      case SYS_pselect6:
      case SYS_ppoll:
      case SYS_poll:
      case SYS_epoll_wait:
      case SYS_epoll_pwait:
      case SYS_clock_nanosleep:
      case SYS_semop:
      case SYS_msgrcv:
      case SYS_msgsnd:
      case SYS_io_getevents:
      case SYS_futex:
        return true;
    }
    return false;
  }

  // Whether restart_syscall(2) continues it.
  bool kernel_remembers() const { return number != SYS_epoll_wait && number != SYS_epoll_pwait; }

  void shorten(const Continuation& continuation) {
    if (number == SYS_poll || !kernel_remembers()) {
      long& timeout_ms = arguments[number == SYS_poll ? 2 : 3];
      uint64_t left = left_ns(uint64_t(timeout_ms) * 1'000'000, continuation);
      timeout_ms = long((left + 999'999) / 1'000'000);
      return;
    }
    int at = number == SYS_nanosleep ? 0 : number == SYS_clock_nanosleep ? 2 : 3;
    relative = *reinterpret_cast<const timespec*>(arguments[at]);
    relative = to_timespec(left_ns(to_ns(relative), continuation));
    arguments[at] = reinterpret_cast<long>(&relative);
  }
};

// Continues the call inside the handler, with the program's signal mask, until it ends by itself
// or by a signal of the program's.
long finish_in_handler(ucontext_t* context, Call& call, const StopPoint& stop, bool restored) {
  volatile Continuation continuation{};
  auto* shared = const_cast<Continuation*>(&continuation);
  shared->first_stop_ns = shared->last_stop_ns = stop.stopped_ns;
  shared->restored = restored;
  // Comes back here, with 1, each time Belay has stopped the thread again.
  belay_save_context(&shared->context);
  long number = SYS_restart_syscall;
  const long* arguments = call.arguments;
  Call shortened = call;
  if (continuation.restored || !call.kernel_remembers()) {
    shortened.shorten(*shared);
    number = shortened.number;
    arguments = shortened.arguments;
    shared->restored = false;
  }
  long result = belay_interruptible_call(number, arguments, shared, &context->uc_sigmask);
  uint64_t all = ~uint64_t{0};
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all);
  return result;
}

}  // namespace

bool interrupted_own_call(const ucontext_t* context) {
  const greg_t* registers = context->uc_mcontext.gregs;
  auto rip = uint64_t(registers[REG_RIP]);
  auto begin = reinterpret_cast<uint64_t>(belay_interruptible_begin);
  auto end = reinterpret_cast<uint64_t>(belay_interruptible_return);
  return (rip >= begin && rip < end) || (rip == end && registers[REG_RAX] == -EINTR);
}

void continue_outer(ucontext_t* context, bool restored) {
  auto* continuation = reinterpret_cast<Continuation*>(reg(context, REG_RBX));
  continuation->last_stop_ns = sys::now_ns();
  continuation->restored |= restored;
  belay_resume_context(&continuation->context);
}

void finish_interrupted_call(const StopPoint& stop, bool restored) {
  ucontext_t* context = stop.context;
  auto rip = uint64_t(reg(context, REG_RIP));
  if (reg(context, REG_RAX) != -EINTR || !is_syscall(rip)) return;
  Call call(context);
  if (call.timed()) {
    reg(context, REG_RAX) = finish_in_handler(context, call, stop, restored);
  } else if (call.repeatable()) {
    reg(context, REG_RAX) = call.number;
    reg(context, REG_RIP) -= kSyscallBytes;
  }
}

}  // namespace belay
