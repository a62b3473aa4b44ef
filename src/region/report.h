// What the runtime has to say, on standard error, and the end of the program where it can't go on.
// Async-signal-safe, since a fault handler reports too.
#pragma once

#include <cstddef>

namespace belay::region {

// "belay: ...", one line. Understands %s %d %zu %p.
__attribute__((format(printf, 1, 2))) void report(const char* format, ...);

// The same, and SIGABRT. For what the program did wrong, or the world does not give.
[[noreturn]] __attribute__((format(printf, 1, 2))) void fatal(const char* format, ...);

// Prints the function that a call returns to at `code`.
void report_place(const void* code);

// Prints the functions that are active, innermost first, one a line.
void report_callers();

}  // namespace belay::region
