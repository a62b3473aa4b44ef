#include "learn/end_signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <bit>

#include "base/syscall.h"

namespace belay {
namespace {

std::atomic<unsigned>* end_came = nullptr;

void set_default(int signal) {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);
}

// A parent with several threads sends its PR_SET_PDEATHSIG once for each of them: what comes at
// once is the same signal still.
void on_signal(int signal) {
  constexpr uint64_t kSameNs = 300'000'000;
  static std::atomic<uint64_t> first_ns;
  const unsigned bit = 1u << signal;
  if (end_came->load() == 0) first_ns = sys::now_ns();
  if ((end_came->fetch_or(bit) & bit) == 0 || sys::now_ns() - first_ns < kSameNs) return;
  set_default(signal);
  raise(signal);
}

}  // namespace

void catch_end_signals(std::atomic<unsigned>* came) {
  end_came = came;
  for (int signal : {SIGINT, SIGTERM}) {
    struct sigaction action = {};
    if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
    action = {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(signal, &action, nullptr);
  }
}

void end_by(unsigned came) {
  const int signal = std::countr_zero(came);
  set_default(signal);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  raise(signal);
  _exit(128 + signal);
}

}  // namespace belay
