// Planted bugs (mutants.def): false, and gone, in every build but that of the mutation test.
#pragma once

#ifdef BELAY_REGION_MUTANTS

#include <cstdlib>
#include <cstring>

namespace belay {

struct Mutants {
#define BELAY_MUTANT_DEF(name, test, what)                  \
  static bool name() {                                      \
    const char* chosen = getenv("BELAY_MUTANT");            \
    return chosen != nullptr && strcmp(chosen, #name) == 0; \
  }
#include "region/mutants.def"
};

}  // namespace belay

#define BELAY_MUTANT(name) (::belay::Mutants::name())
#else
#define BELAY_MUTANT(name) false
#endif
