// Runs a job until it is done: a program that is killed or crashes goes on from its last
// checkpoint.
#pragma once

#include "cli/job.h"

namespace belay::cli {

struct SupervisorOptions {
  // Restarts in a row without a newer checkpoint in between, before giving up: more often, and it
  // is the program that cannot get past that point. 5: chance deaths do not come in sixes.
  unsigned restarts_max = 5;
};

// Returns the exit code for the command; ends this process by a signal when the user asked the
// program to end and it died of that signal, so that a shell sees what it would have seen.
int supervise(Job job, const SupervisorOptions& options);

}  // namespace belay::cli
