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

// Where libc dispatches a function (ifunc), a static program has two addresses of it: that of a
// stub in data, and that of what it is dispatched to in the global offset table.
constexpr void* address(const char* symbol) { return const_cast<char*>(symbol); }

constinit const ClonePair pairs[] = {
#define BELAY_PURE(name) {address(symbol_##name), address(symbol_##name)},
#define BELAY_WRAPPED(name) {address(symbol_##name), address(effects_##name)},
#include "region/effects.def"
};

// From the global offset table: the compiler must not turn it into data.
void* loaded(const char* symbol) {
  __asm__("" : "+r"(symbol));
  return address(symbol);
}

}  // namespace

void add_library_functions() {
  const ClonePair others[] = {
#define BELAY_PURE(name) {loaded(symbol_##name), loaded(symbol_##name)},
#define BELAY_WRAPPED(name) {loaded(symbol_##name), loaded(effects_##name)},
#include "region/effects.def"
  };
  add_clones(pairs, sizeof pairs / sizeof pairs[0], /*listed=*/true);
  add_clones(others, sizeof others / sizeof others[0], /*listed=*/true);
}

}  // namespace belay::region
