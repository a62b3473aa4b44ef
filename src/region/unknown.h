// Calls whose effects nobody knows fail closed.
#pragma once

namespace belay::region {

// Ends the program with a message, or returns `function` where the settings allow unknown calls.
void* unknown_function(void* function);

// The same for a function of the program's own that has the name of one of the library's.
void* unknown_own_function(const char* name, void* function);

// Ends the program: which function `function` stands for, one that logs or one that does not, was
// lost in linking.
[[noreturn]] void folded_function(void* function);

}  // namespace belay::region
