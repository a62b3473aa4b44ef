#include "region/guard.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "region/thread_state.h"

namespace belay::region {

namespace {

struct sigaction handler_before;

void on_fault(int signal, siginfo_t* info, void* context) {
  const Thread& thread = this_thread;
  auto* at = static_cast<std::byte*>(info->si_addr);
  if (thread.open && at >= thread.log_end && at < thread.log_end + sysconf(_SC_PAGESIZE)) {
    report("the undo log is full: %zu bytes in %d regions of one thread",
           static_cast<size_t>(thread.log_end - thread.log_base), __belay_depth);
    report("  commit more often, or allow more: BELAY_CKPT_LOG_MAX=64G, say, or log_bytes_max");
    report("  or keep first values only: compile with -mllvm -belay-buffer=hash");
    report_callers();
    _exit(70);  // EX_SOFTWARE; nothing may run on half-logged memory, exit handlers included
  }
  if (handler_before.sa_flags & SA_SIGINFO) {
    handler_before.sa_sigaction(signal, info, context);
  } else if (handler_before.sa_handler != SIG_DFL && handler_before.sa_handler != SIG_IGN) {
    handler_before.sa_handler(signal);
  } else {
    sigaction(signal, &handler_before, nullptr);  // and the instruction faults again
  }
}

}  // namespace

void watch_for_full_logs() {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, [] {
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &action, &handler_before);
  });
}

}  // namespace belay::region
