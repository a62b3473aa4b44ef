// Which function lies where, for messages: also those of which only the file's own table of symbols
// tells, as static ones and all those of a program that was not linked with -rdynamic.
#pragma once

#include <cstddef>
#include <cstdint>

namespace belay::region {

struct FunctionAt {
  char file[512];
  size_t address;   // in the file, as addr2line wants it
  char name[1024];  // as the linker knows it; empty where no table has it
};

// False where no file is loaded at `code`. Allocates nothing.
bool find_function(uintptr_t code, FunctionAt* found);

}  // namespace belay::region
