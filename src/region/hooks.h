// Prototypes of what compiled code calls (hooks.def).
#pragma once

#include <cstddef>

namespace belay::region {
using Void = void;
using Int = int;
using Size = size_t;
using Ptr = void*;
}  // namespace belay::region

// A hook is part of the ABI between objects, so it is exported, and C.
#define BELAY_EXPORT extern "C" __attribute__((visibility("default")))

// Initial-exec: compiled code reads these with one instruction, in shared libraries too.
#define BELAY_TLS __attribute__((tls_model("initial-exec")))

namespace belay::region {
#define BELAY_HOOK(name, result, parameters) BELAY_EXPORT result __belay_##name parameters;
#define BELAY_VARIABLE(name, type) BELAY_EXPORT thread_local BELAY_TLS type __belay_##name;
#define BELAY_MARKER(name)
#include "region/hooks.def"
}  // namespace belay::region
