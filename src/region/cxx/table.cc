// Addresses of libstdc++'s functions with known effects, for virtual calls and pointers.
#include "region/hooks.h"

#define BELAY_PURE(name) extern "C" __attribute__((weak)) const char symbol_##name[] __asm__(#name);
#define BELAY_KEPT(name) BELAY_PURE(name)
#define BELAY_WRAPPED(name) \
  BELAY_PURE(name)          \
  extern "C" const char effects_##name[] __asm__(#name ".ckpt");
#include "region/effects_libstdcxx.def"

namespace belay::region {

namespace {

struct Pair {
  const char *function, *clone;
};

const Pair pairs[] = {
#define BELAY_PURE(name) {symbol_##name, symbol_##name},
#define BELAY_KEPT(name) BELAY_PURE(name)
#define BELAY_WRAPPED(name) {symbol_##name, effects_##name},
#include "region/effects_libstdcxx.def"
};

__attribute__((constructor(101))) void add_functions() {
  __belay_add_listed(const_cast<Pair*>(pairs), sizeof pairs / sizeof pairs[0]);
}

}  // namespace

}  // namespace belay::region
