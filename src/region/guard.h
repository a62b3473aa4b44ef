// The page behind a log, instead of a bounds check at each append.
#pragma once

namespace belay::region {

// From now on a fault there is a message instead of a mere SIGSEGV; other faults go to the handler
// that was there before. Once a process; a program that installs a handler of its own later sees
// the bare fault.
void watch_for_full_logs();

}  // namespace belay::region
