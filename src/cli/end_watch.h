// SIGINT, SIGTERM and SIGHUP of a command that has to put something in order before it ends:
// blocked while this object lives, and read from a descriptor.
#pragma once

#include <signal.h>

namespace belay::cli {

class EndWatch {
 public:
  EndWatch();
  ~EndWatch();
  EndWatch(const EndWatch&) = delete;
  EndWatch& operator=(const EndWatch&) = delete;

  int descriptor() const { return descriptor_; }  // readable: asked to end
  // Takes note of the signal that has come. Its number, or 0.
  int take();
  int signal() const { return signal_; }
  const sigset_t& mask_before() const { return before_; }

 private:
  sigset_t before_;
  int descriptor_ = -1;
  int signal_ = 0;
};

}  // namespace belay::cli
