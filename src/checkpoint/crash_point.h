// Where tests kill the process: BELAY_CRASH_AT=phase[:n] ends it with SIGKILL the n-th time that it
// reaches `phase` (copy, pause, write, sync, switch, full, restore). Without it: one load.
#pragma once

namespace belay {

void set_crash_point(const char* phase_and_count);
void crash_point(const char* phase);

}  // namespace belay
