#include "base/raw_thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

#include "base/exempt_data.h"
#include "base/priority.h"
#include "base/syscall.h"

namespace belay {
namespace {

// At the top of the stack area: what stands in for a thread control block. x86-64 code reads the
// block's own address at fs:0 and the stack protector's canary at fs:0x28; errno of a stray libc
// call lands in the zeros below it.
constexpr size_t kControlBlockBytes = 4096;
constexpr size_t kThreadLocalBytes = 16384;

BELAY_EXEMPT_DATA constinit RawThread* g_threads[kRawThreadsMax] = {};

// Takes a place in the table; false when there is none.
bool remember(RawThread* thread) {
  for (RawThread*& place : g_threads) {
    RawThread* empty = nullptr;
    if (__atomic_compare_exchange_n(&place, &empty, thread, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
      return true;
  }
  return false;
}

void forget(const RawThread* thread) {
  for (RawThread*& place : g_threads)
    if (__atomic_load_n(&place, __ATOMIC_ACQUIRE) == thread)
      __atomic_store_n(&place, nullptr, __ATOMIC_RELEASE);
}

struct Start {
  void (*entry)(void*);
  void* argument;
};

[[noreturn]] void run(Start* start) {
  ask_for_short_slices();
  start->entry(start->argument);
  for (;;) sys::call(SYS_exit, 0);
}

}  // namespace

long start_raw_thread(RawThread* thread, void* stack, void (*entry)(void*), void* argument) {
  auto top = reinterpret_cast<uintptr_t>(stack) + kRawThreadStackBytes;
  uintptr_t control_block = top - kControlBlockBytes;
  *reinterpret_cast<uintptr_t*>(control_block) = control_block;         // tcb
  *reinterpret_cast<uintptr_t*>(control_block + 0x10) = control_block;  // self
  auto* start = reinterpret_cast<Start*>(control_block - kThreadLocalBytes - sizeof(Start));
  *start = {entry, argument};
  uintptr_t stack_pointer = (reinterpret_cast<uintptr_t>(start) & ~uintptr_t{15}) - 8;

  if (!remember(thread)) return -EAGAIN;
  uint64_t all = ~uint64_t{0}, previous = 0;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &previous, sizeof all);
  thread->stack = stack;
  thread->tid = 1;  // until the kernel writes the real one: never 0 while it lives
  constexpr long kFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                          CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  long result;
  register long r10 asm("r10") = reinterpret_cast<long>(&thread->tid);  // cleared at exit
  register long r8 asm("r8") = static_cast<long>(control_block);
  register Start* r12 asm("r12") = start;
  register void (*r13)(Start*) asm("r13") = run;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r12, %%rdi\n\t"
      "jmp *%%r13\n"
      "1:"
      : "=a"(result)
      : "a"(SYS_clone), "D"(kFlags), "S"(stack_pointer), "d"(&thread->tid), "r"(r10), "r"(r8),
        "r"(r12), "r"(r13)
      : "rcx", "r11", "memory");
  if (sys::is_error(result)) {
    thread->tid = 0;
    forget(thread);
  }
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &previous, nullptr, sizeof previous);
  return sys::is_error(result) ? result : 0;
}

std::span<const int> raw_thread_ids(int (&out)[kRawThreadsMax]) {
  size_t count = 0;
  for (RawThread*& place : g_threads)
    if (RawThread* thread = __atomic_load_n(&place, __ATOMIC_ACQUIRE))
      out[count++] = __atomic_load_n(&thread->tid, __ATOMIC_ACQUIRE);
  return {out, count};
}

void forget_raw_threads() {
  for (RawThread*& place : g_threads) place = nullptr;
}

void join_raw_thread(RawThread* thread) {
  auto* word = reinterpret_cast<uint32_t*>(&thread->tid);
  while (uint32_t tid = __atomic_load_n(word, __ATOMIC_ACQUIRE)) {
    // The kernel wakes a shared futex at thread exit (set_tid_address(2)).
    sys::call(SYS_futex, word, FUTEX_WAIT, tid, nullptr);
  }
  forget(thread);
}

}  // namespace belay
