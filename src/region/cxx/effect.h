// How the effects of libstdc++'s compiled functions are written down in libbelay_region_cxx, which
// knows of regions what belay/region.h says: CXX_EFFECT(result, name, parameters) { ... } defines
// name.ckpt, and declares the original.
#pragma once

#define BELAY_NO_SHORT_NAMES
#include <belay/region.h>

#include <cstddef>
#include <cstdint>

#include "region/hooks.h"

#define CXX_EFFECT(result, name, parameters)                       \
  extern "C" result name parameters;                               \
  BELAY_EXPORT result fx_##name parameters __asm__(#name ".ckpt"); \
  extern "C" result fx_##name parameters

// A class that a function returns by value, as bytes in memory of the caller: its address is where
// the ABI wants it, since the destructor is not trivial. Nothing copies it: the function's local is
// that memory.
template <class T>
struct Returned {
  alignas(T) char bytes[sizeof(T)];
  Returned() {}  // NOLINT(modernize-use-equals-default): leaves them as they are
  Returned(const Returned&);
  ~Returned() {}  // NOLINT(modernize-use-equals-default): must not be trivial
  T* get() { return reinterpret_cast<T*>(bytes); }
};

// What libstdc++ allocates in a region goes with it: the clones of new and delete note that.
extern "C" {
void* belay_new(size_t bytes) __asm__("_Znwm.ckpt");
void belay_delete(void* block) __asm__("_ZdlPv.ckpt");
}

namespace belay::region {

inline bool in_region() { return belay_ckpt_depth() > 0; }

template <class T>
void log(T* what) {
  belay_backup(what, sizeof *what);
}

}  // namespace belay::region
