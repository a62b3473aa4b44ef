// Whether the calling thread is in a signal handler.
#pragma once

namespace belay {

// Uses the C library: to be called on the program's own stack, while its threads run.
bool in_signal_handler();

}  // namespace belay
