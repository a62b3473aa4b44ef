// The kernel keeps no note of it; what there is of a handler is the frame that the kernel pushed,
// which begins with the address of the restorer (sigreturn(2)). So the stack is searched for that
// word, some 0.1 µs a KiB, and only where it is found does the unwinder have to say whether it is
// such a frame or what an earlier one has left behind.
#include "savepoint/in_handler.h"

#include <pthread.h>
#include <signal.h>
#include <unwind.h>

#include <cstdint>

#include "base/exempt_data.h"
#include "base/syscall.h"

namespace belay {
namespace {

struct KernelAction {
  void* handler;
  unsigned long flags;
  uint64_t restorer;
  uint64_t mask;
};

uint64_t restorer_of(int signal) {
  KernelAction action{};
  sys::call(SYS_rt_sigaction, signal, nullptr, &action, 8);
  return action.restorer;
}

BELAY_EXEMPT_DATA constinit uint64_t g_restorer = 0;

// libc's: it passes the same with every action, SIG_DFL too.
uint64_t find_restorer() {
  for (int signal = 1; signal < SIGRTMIN; signal++)
    if (uint64_t restorer = restorer_of(signal); restorer != 0) return restorer;
  struct sigaction action;
  if (sigaction(SIGURG, nullptr, &action) != 0) return 0;
  sigaction(SIGURG, &action, nullptr);
  return restorer_of(SIGURG);
}

// Where main's stack began: above it lie only arguments and environment (glibc).
extern "C" [[gnu::weak]] void* __libc_stack_end;

// The end of the calling thread's stack; the same for all calls of a thread.
uint64_t stack_end() {
  [[gnu::tls_model("initial-exec")]] static constinit thread_local uint64_t end = 0;
  if (end != 0) return end;
  pthread_attr_t attributes;
  void* start;
  size_t bytes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
  if (pthread_attr_getstack(&attributes, &start, &bytes) == 0) {
    end = reinterpret_cast<uint64_t>(start) + bytes;
    const auto begun = &__libc_stack_end ? reinterpret_cast<uint64_t>(__libc_stack_end) : 0;
    if (begun > reinterpret_cast<uint64_t>(start) && begun < end) end = begun;
  }
  pthread_attr_destroy(&attributes);
  return end;
}

bool unwinder_sees_one() {
  bool found = false;
  _Unwind_Backtrace(
      [](_Unwind_Context* context, void* out) {
        int before = 0;
        uint64_t at = _Unwind_GetIPInfo(context, &before);
        if (at != g_restorer && before == 0) return _URC_NO_REASON;
        *static_cast<bool*>(out) = true;
        return _URC_END_OF_STACK;
      },
      &found);
  return found;
}

// Returns whether a frame may be among the words.
__attribute__((no_sanitize("address"))) bool search(const uint64_t* from, const uint64_t* to) {
  uint64_t restorer = g_restorer;
  bool found = false;
  for (; from < to; from++) found |= *from == restorer;
  return found;
}

}  // namespace

bool in_signal_handler() {
  stack_t alternate{};
  sigaltstack(nullptr, &alternate);
  if ((alternate.ss_flags & SS_ONSTACK) != 0) return true;
  if (g_restorer == 0) g_restorer = find_restorer();
  auto* here = static_cast<uint64_t*>(__builtin_frame_address(0));
  uint64_t end = stack_end();
  // Coroutines have stacks of their own: the unwinder then has to look each time.
  bool own_stack = end > reinterpret_cast<uint64_t>(here);
  if (own_stack && !search(here, reinterpret_cast<uint64_t*>(end))) return false;
  return unwinder_sees_one();
}

}  // namespace belay
