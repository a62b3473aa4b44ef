// How the calling thread stands to the threads of the program when there are more of them than
// cores. Async-signal-safe.
#pragma once

namespace belay {

// For a thread that sleeps most of the time and for which others wait: it may run soon after it is
// woken, and not for long. Anybody may ask for it; kernels before Linux 6.12 ignore it.
void ask_for_short_slices();

// Puts the calling thread `steps` of nice(2) ahead of where it is, as long as this lives, where the
// kernel lets us: CAP_SYS_NICE or RLIMIT_NICE. Elsewhere it does nothing.
class AheadOfProgram {
 public:
  explicit AheadOfProgram(int steps);
  AheadOfProgram(const AheadOfProgram&) = delete;
  AheadOfProgram& operator=(const AheadOfProgram&) = delete;
  ~AheadOfProgram();

 private:
  int nice_;
};

}  // namespace belay
