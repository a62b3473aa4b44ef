// What the optimiser knows of fresh memory and of static variables is false where an unseen
// rollback may write them. Until the stores are logged, modules with markers do without.
#pragma once

#include <llvm/IR/Module.h>

namespace belay {

// malloc, new and whatever promises fresh memory become functions that the optimiser does not know,
// and static variables count as seen from outside.
void hideMemory(llvm::Module& M);

// Takes it back: from here on, logging a store passes its address on.
void unhideMemory(llvm::Module& M);

}  // namespace belay
