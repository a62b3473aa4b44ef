// The library that `belay run` loads into a program.
#pragma once

#include <string>

namespace belay::cli {

// Absolute path of libbelay.so: beside this command's installation, or in its build tree.
// Fails (unavailable) when neither has it.
std::string preload_library();

// The value of LD_PRELOAD: the library before whatever the user has there.
std::string preload_value(const std::string& library);

}  // namespace belay::cli
