// For the library of clones that libbelay_region_cxx is: of what libstdc++ has compiled from
// templates, the clones stay, and the originals are left to libstdc++.
#pragma once

#include "compiler/clones.h"

namespace belay {

// Makes declarations of the functions that have clones, and of their classes' tables.
void keepClonesOnly(llvm::Module& M, CloneMap& Clones);

}  // namespace belay
