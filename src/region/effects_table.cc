// Addresses of the library's functions with known effects, for calls through pointers.
#include "region/clone_table.h"

// As data of unknown size: their types don't matter here. Weak: a C program has no C++ library.
#define BELAY_PURE(name) extern "C" __attribute__((weak)) const char symbol_##name[] __asm__(#name);
#define BELAY_WRAPPED(name) \
  BELAY_PURE(name)          \
  extern "C" const char effects_##name[] __asm__(#name ".ckpt");
#include "region/effects.def"

namespace belay::region {

namespace {

void* address(const char* symbol) { return const_cast<char*>(symbol); }

__attribute__((constructor(101))) void add_library_functions() {
  const ClonePair pairs[] = {
#define BELAY_PURE(name) {address(symbol_##name), address(symbol_##name)},
#define BELAY_WRAPPED(name) {address(symbol_##name), address(effects_##name)},
#include "region/effects.def"
  };
  add_clones(pairs, sizeof pairs / sizeof pairs[0]);
}

}  // namespace

}  // namespace belay::region
