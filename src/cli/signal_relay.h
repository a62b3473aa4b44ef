// Signals of the supervisor on their way to the program that it supervises.
//
// Both are in one process group, so that the terminal reaches both by itself (Ctrl-C, Ctrl-Z, a
// hang-up): what the kernel sent is not passed on, what a process sent is. Signals are blocked and
// fetched (sigwaitinfo), never handled: no handler has to be async-signal-safe.
#pragma once

#include <signal.h>
#include <sys/types.h>

namespace belay::cli {

class SignalRelay {
 public:
  SignalRelay();   // blocks the signals; one a process
  ~SignalRelay();  // puts mask and dispositions back
  SignalRelay(const SignalRelay&) = delete;
  SignalRelay& operator=(const SignalRelay&) = delete;

  // In the child, before it executes the program: mask and dispositions as we were started with.
  void restore_original() const;

  // Relays signals until the child has ended; returns its status as waitpid(2) does.
  int wait_for(pid_t child);

  // Waits this long, unless asked to end. False: asked to end.
  bool pause_ms(unsigned ms);

  // The last of SIGINT, SIGTERM and SIGQUIT that came for us: the user wants an end, whatever the
  // program dies of then. 0: none came.
  int end_requested() const { return end_requested_; }
  // Whether this very signal came for us: SIGHUP ends one program, and has another read its files.
  bool received(int signal) const { return sigismember(&received_, signal) == 1; }

 private:
  void relay(const siginfo_t& info, pid_t child);
  void stop_as_the_terminal_asked();

  sigset_t watched_;
  sigset_t original_mask_;
  sigset_t received_;
  struct sigaction original_child_action_ = {};
  int end_requested_ = 0;
};

}  // namespace belay::cli
