#include "cli/signal_relay.h"

#include <errno.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

namespace belay::cli {
namespace {

constexpr int kRelayed[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT};

bool is_ignored(int signal) {
  struct sigaction action = {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool sent_by_a_process(const siginfo_t& info) {
  return info.si_code == SI_USER || info.si_code == SI_QUEUE || info.si_code == SI_TKILL;
}

bool asks_to_end(int signal) { return signal == SIGINT || signal == SIGTERM || signal == SIGQUIT; }

}  // namespace

SignalRelay::SignalRelay() {
  sigemptyset(&received_);
  sigemptyset(&watched_);
  sigaddset(&watched_, SIGCHLD);
  for (int signal : kRelayed) {
    // What nohup(1) or a shell's background job has us ignore, the program ignores too. Linux
    // queues a blocked signal although it is ignored, so it must not be blocked.
    if (!is_ignored(signal)) sigaddset(&watched_, signal);
  }
  sigprocmask(SIG_BLOCK, &watched_, &original_mask_);
  // With SIGCHLD ignored, wait(2) has no status to return.
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &standard, &original_child_action_);
}

SignalRelay::~SignalRelay() {
  // What was typed for the program, which has ended of it before it got here, must not end this.
  const timespec no_time = {};
  while (sigtimedwait(&watched_, nullptr, &no_time) > 0) {
  }
  restore_original();
}

void SignalRelay::restore_original() const {
  sigaction(SIGCHLD, &original_child_action_, nullptr);
  sigprocmask(SIG_SETMASK, &original_mask_, nullptr);
}

int SignalRelay::wait_for(pid_t child) {
  for (;;) {
    int status = 0;
    pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    BELAY_CHECK(ended == 0 || errno == EINTR);
    siginfo_t info = {};
    if (sigwaitinfo(&watched_, &info) > 0) relay(info, child);
  }
}

bool SignalRelay::pause_ms(unsigned ms) {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const long long end_ns = now.tv_sec * 1'000'000'000LL + now.tv_nsec + ms * 1'000'000LL;
  while (end_requested_ == 0) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long left_ns = end_ns - (now.tv_sec * 1'000'000'000LL + now.tv_nsec);
    if (left_ns <= 0) return true;
    timespec left = {time_t(left_ns / 1'000'000'000), long(left_ns % 1'000'000'000)};
    siginfo_t info = {};
    if (sigtimedwait(&watched_, &info, &left) > 0) relay(info, 0);
  }
  return false;
}

void SignalRelay::relay(const siginfo_t& info, pid_t child) {
  const int signal = info.si_signo;
  if (signal == SIGCHLD) return;
  sigaddset(&received_, signal);
  if (asks_to_end(signal)) end_requested_ = signal;
  if (child > 0 && sent_by_a_process(info)) kill(child, signal);
  if (signal == SIGTSTP) stop_as_the_terminal_asked();
}

// SIGTSTP itself rather than SIGSTOP: its default action spares a process group that no shell is
// left to continue (orphaned, signal(7)).
void SignalRelay::stop_as_the_terminal_asked() {
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, SIGTSTP);
  raise(SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &only, nullptr);
  sigprocmask(SIG_BLOCK, &only, nullptr);
}

}  // namespace belay::cli
