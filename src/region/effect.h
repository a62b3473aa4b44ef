// How a function's effects are written down: EFFECT(result, name, parameters) { ... } defines
// name.ckpt, which regions call instead of it.
#pragma once

#include "region/heap_blocks.h"
#include "region/hooks.h"
#include "region/log.h"
#include "region/thread_state.h"

extern "C" [[noreturn]] void __chk_fail();

namespace belay::region {

// _FORTIFY_SOURCE's check.
inline void check_room(size_t wanted, size_t room) {
  if (wanted > room) __chk_fail();
}

// What libc is to call instead of a callback.
template <class Function>
Function clone_of(Function callback) {
  if (callback == nullptr || !in_region()) return callback;
  return reinterpret_cast<Function>(__belay_resolve(reinterpret_cast<void*>(callback), nullptr));
}

}  // namespace belay::region

#define EFFECT(result, name, parameters)              \
  extern "C" __attribute__((visibility("default")))   \
  result fx_##name parameters __asm__(#name ".ckpt"); \
  extern "C" result fx_##name parameters
