#include "restorer/restorer.h"

#include <asm/prctl.h>
#include <sched.h>
#include <sys/prctl.h>

#include "base/syscall.h"

// Compiled without anything that would reach out of the section: no stack protector, no calls to
// memcpy, no jump tables, no sanitizers (see CMakeLists.txt; tests/restorer checks relocations).
#define BELAY_RESTORER __attribute__((section("belay_restorer"), noinline, used))

extern "C" __attribute__((visibility("hidden"))) const std::byte __start_belay_restorer[];
extern "C" __attribute__((visibility("hidden"))) const std::byte __stop_belay_restorer[];

namespace belay {
namespace {

__attribute__((always_inline)) inline long call(long number, long a = 0, long b = 0, long c = 0,
                                                long d = 0, long e = 0, long f = 0) {
  return sys::call6(number, a, b, c, d, e, f);
}

[[noreturn]] BELAY_RESTORER void give_up(RestorePlan* plan, uint64_t step) {
  for (uint64_t at = plan->message_number_at; step != 0; step /= 10)
    plan->message[at--] = char('0' + step % 10);
  call(SYS_write, 2, long(plan->message), long(plan->message_bytes));
  for (;;) call(SYS_exit_group, 70);
}

[[noreturn]] BELAY_RESTORER void become(const RestoreThread* thread) {
  call(SYS_arch_prctl, ARCH_SET_FS, long(thread->fs_base));
  if (thread->gs_base != 0) call(SYS_arch_prctl, ARCH_SET_GS, long(thread->gs_base));
  call(SYS_set_tid_address, long(thread->clear_tid_address));
  call(SYS_set_robust_list, long(thread->robust_list), long(thread->robust_list_bytes));
  if (thread->rseq_address != 0)
    call(SYS_rseq, long(thread->rseq_address), thread->rseq_bytes, 0, thread->rseq_signature);
  call(SYS_prctl, PR_SET_NAME, long(thread->name));
  if (thread->ended != 0)
    for (;;) call(SYS_exit, 0);
  // Blocked still: delivered when the thread returns from Belay's handler.
  for (int signal = 1; signal <= 64; signal++)
    if ((thread->pending_signals >> (signal - 1) & 1) != 0)
      call(SYS_tgkill, call(SYS_getpid), call(SYS_gettid), signal);
  asm volatile(
      "mov 0(%0), %%rbx\n\t"
      "mov 8(%0), %%rbp\n\t"
      "mov 16(%0), %%r12\n\t"
      "mov 24(%0), %%r13\n\t"
      "mov 32(%0), %%r14\n\t"
      "mov 40(%0), %%r15\n\t"
      "mov 48(%0), %%rsp\n\t"
      "mov $1, %%eax\n\t"
      "jmp *56(%0)\n\t"
      :
      : "D"(&thread->context)
      : "memory");
  __builtin_unreachable();
}

// Starts function(argument) on a new thread. clone3(2) with a wanted id where the kernel grants
// it (CAP_CHECKPOINT_RESTORE), clone(2) with any id otherwise.
BELAY_RESTORER long start(uint64_t stack_top, uint64_t fs_base, uint64_t clear_tid, int wanted_tid,
                          void (*function)(const void*), const void* argument) {
  struct {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size;
  } arguments;
  constexpr long kFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                          CLONE_SYSVSEM | CLONE_SETTLS | CLONE_CHILD_CLEARTID;
  register void (*r12)(const void*) asm("r12") = function;
  register const void* r13 asm("r13") = argument;
  long result = -1;
  if (wanted_tid != 0) {
    arguments.flags = kFlags;
    arguments.pidfd = arguments.parent_tid = arguments.exit_signal = 0;
    arguments.child_tid = clear_tid;
    arguments.stack = stack_top - 4096;
    arguments.stack_size = 4096 - 8;
    arguments.tls = fs_base;
    arguments.set_tid = uint64_t(&wanted_tid);
    arguments.set_tid_size = 1;
    asm volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "mov %%r13, %%rdi\n\t"
        "jmp *%%r12\n"
        "1:"
        : "=a"(result)
        : "a"(SYS_clone3), "D"(&arguments), "S"(sizeof arguments), "r"(r12), "r"(r13)
        : "rcx", "r11", "memory");
    if (result > 0) return result;
  }
  register long r10 asm("r10") = long(clear_tid);
  register long r8 asm("r8") = long(fs_base);
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "mov %%r13, %%rdi\n\t"
      "jmp *%%r12\n"
      "1:"
      : "=a"(result)
      : "a"(SYS_clone), "D"(kFlags), "S"(stack_top - 8), "d"(0L), "r"(r10), "r"(r8), "r"(r12),
        "r"(r13)
      : "rcx", "r11", "memory");
  return result;
}

[[noreturn]] BELAY_RESTORER void run_entry(const void* argument) {
  auto* plan = static_cast<const RestorePlan*>(argument);
  plan->restored_entry(plan->arguments);
  for (;;) call(SYS_exit, 0);
}

[[noreturn]] BELAY_RESTORER void run(RestorePlan* plan) {
  for (uint64_t i = 0; i < plan->call_count; i++) {
    const RestoreCall& step = plan->calls[i];
    const long* a = step.arguments;
    long result = call(step.number, a[0], a[1], a[2], a[3], a[4], a[5]);
    bool error = result < 0 && result > -4096;
    if (step.expected == RestoreCall::kIgnoreResult) continue;
    if (step.expected == RestoreCall::kAnyResult ? error : result != step.expected)
      give_up(plan, i + 1);
  }
  // A thread's address, taken at run time relative to this code, wherever it was copied to.
  for (uint64_t i = 1; i < plan->thread_count; i++) {
    const RestoreThread* thread = &plan->threads[i];
    if (start(thread->stack_top, thread->fs_base, thread->clear_tid_address, thread->wanted_tid,
              reinterpret_cast<void (*)(const void*)>(become), thread) <= 0)
      give_up(plan, 1000000 + i);
  }
  if (start(plan->entry_stack_top, plan->entry_fs_base, uint64_t(&plan->arguments->entry_alive), 0,
            run_entry, plan) <= 0)
    give_up(plan, 2000000);
  become(&plan->threads[0]);
}

}  // namespace

std::span<const std::byte> restorer_code() {
  return {__start_belay_restorer, __stop_belay_restorer};
}

void run_restorer(std::byte* code, RestorePlan* plan, uint64_t stack_top) {
  auto offset = reinterpret_cast<const std::byte*>(&run) - __start_belay_restorer;
  const std::byte* entry = code + offset;
  asm volatile(
      "mov %0, %%rsp\n\t"
      "xor %%ebp, %%ebp\n\t"
      "push $0\n\t"
      "jmp *%1"
      :
      : "r"(stack_top), "r"(entry), "D"(plan)
      : "memory");
  __builtin_unreachable();
}

}  // namespace belay
