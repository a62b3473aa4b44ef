// Lines for the person who runs the program, on standard error: "belay: ...".
// Async-signal-safe, allocates nothing.
#pragma once

#include "base/error.h"
#include "base/syscall.h"

namespace belay {

// BELAY_LOG: 0 errors only, 1 what a user wants to know (default), 2 each checkpoint.
enum class LogLevel : int { kError = 0, kNotice = 1, kDetail = 2 };
inline LogLevel log_level = LogLevel::kNotice;

template <class... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (level > log_level) return;
  char line[512];
  auto end = fmt::format_to_n(line, sizeof line - 1, "belay: ");
  end = fmt::format_to_n(end.out, line + sizeof line - 1 - end.out, format,
                         static_cast<Args&&>(args)...);
  *end.out++ = '\n';
  sys::write(2, line, static_cast<size_t>(end.out - line));
}

}  // namespace belay
