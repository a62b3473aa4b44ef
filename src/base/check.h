// BELAY_CHECK: what only a bug can break. On in release too. Async-signal-safe.
#pragma once

namespace belay {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define BELAY_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::belay::check_failed(#condition, __FILE__, __LINE__))
