// Finding the program to run, and whether the preload library can get into it.
#pragma once

#include <string>

namespace belay::cli {

// The path that execvp(3) would take. Fails with the exit codes of env(1): 127 when there is no
// such program, 126 when it may not be executed.
std::string find_executable(const std::string& command);

// Fails with a sentence for a program that ignores LD_PRELOAD: a static one, one of another
// architecture, a set-user-ID one (ld.so(8), secure-execution mode). A script stands for its
// interpreter.
void check_preloadable(const std::string& path);

}  // namespace belay::cli
