// Calls whose effects nobody knows fail closed.
#pragma once

namespace belay::region {

// Ends the program with a message, or returns `function` where the settings allow unknown calls.
void* unknown_function(void* function);

// Ends the program: which function `function` stands for, one that logs or one that does not, was
// lost in linking.
[[noreturn]] void folded_function(void* function);

}  // namespace belay::region
