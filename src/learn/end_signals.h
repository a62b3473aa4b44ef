// SIGINT and SIGTERM while models learn: the program goes on to its next decision and ends there,
// with what they have learned on file. The same signal again, 0.3 s later or more, ends it at
// once.
#pragma once

#include <atomic>

namespace belay {

// For those of the two whose action is the default one. `came` gets a bit for each signal that
// came; it outlives all else and stays when the program goes back.
void catch_end_signals(std::atomic<unsigned>* came);
// Ends the process as the first of them would have.
[[noreturn]] void end_by(unsigned came);

}  // namespace belay
