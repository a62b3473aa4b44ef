#include "cli/end_watch.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <initializer_list>

#include "base/check.h"

namespace belay::cli {

EndWatch::EndWatch() {
  sigset_t watched;
  sigemptyset(&watched);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action = {};
    // What nohup(1) or a shell's background job has us ignore stays so.
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN)
      sigaddset(&watched, signal);
  }
  sigprocmask(SIG_BLOCK, &watched, &before_);
  descriptor_ = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  BELAY_CHECK(descriptor_ >= 0);
}

EndWatch::~EndWatch() {
  close(descriptor_);
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int EndWatch::take() {
  signalfd_siginfo info;
  if (read(descriptor_, &info, sizeof info) == sizeof info) signal_ = int(info.ssi_signo);
  return signal_;
}

}  // namespace belay::cli
