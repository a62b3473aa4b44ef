// How a function's effects are written down: EFFECT(result, name, parameters) { ... } defines
// name.ckpt, which regions call instead of it.
#pragma once

#include "region/heap_blocks.h"
#include "region/log.h"
#include "region/thread_state.h"

extern "C" [[noreturn]] void __chk_fail();

namespace belay::region {

// _FORTIFY_SOURCE's check.
inline void check_room(size_t wanted, size_t room) {
  if (wanted > room) __chk_fail();
}

}  // namespace belay::region

#define EFFECT(result, name, parameters)              \
  extern "C" __attribute__((visibility("default")))   \
  result fx_##name parameters __asm__(#name ".ckpt"); \
  extern "C" result fx_##name parameters
