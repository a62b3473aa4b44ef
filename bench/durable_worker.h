// The processes that are measured. Each prints samples, "KEY NUMBER" a line, for the program that
// started it (durable_bench.cc).
#pragma once

namespace belay::bench {

// argv: ROLE HEAP MIB [ARGUMENT...]; returns the exit code, EX_USAGE for an unknown role.
int run_worker(int argc, char** argv);

}  // namespace belay::bench
