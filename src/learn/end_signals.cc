#include "learn/end_signals.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <bit>

namespace belay {
namespace {

std::atomic<unsigned>* end_came = nullptr;

void set_default(int signal) {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);
}

uint64_t now_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1000 + uint64_t(now.tv_nsec) / 1'000'000;
}

// A parent with several threads sends its PR_SET_PDEATHSIG once for each of them: what comes at
// once is the same signal still.
void on_signal(int signal) {
  constexpr uint64_t kSameMs = 300;
  static std::atomic<uint64_t> first_ms;
  const unsigned bit = 1u << signal;
  if (end_came->load() == 0) first_ms = now_ms();
  if ((end_came->fetch_or(bit) & bit) == 0 || now_ms() - first_ms < kSameMs) return;
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
