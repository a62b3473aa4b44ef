// A line for the person who runs the command, on standard error.
#pragma once

#include "base/log.h"

namespace belay::cli {

template <class... Args>
void notice(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kNotice, format, static_cast<Args&&>(args)...);
}

}  // namespace belay::cli
