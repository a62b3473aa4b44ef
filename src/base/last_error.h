// The sentence behind crerror(): the last error of each thread.
#pragma once

#include "base/error.h"

namespace belay {

// Remembers `error` for this thread's crerror() and sets errno. Returns -1, so that a function of
// the C interface can end with `return set_last_error(status.error());`. Allocates nothing.
int set_last_error(const Error& error);

}  // namespace belay
