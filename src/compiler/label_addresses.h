// Computed gotos, before functions are cloned.
#pragma once

#include <llvm/IR/Module.h>

namespace belay {

// Addresses of labels become numbers, and jumps to them switches. The tables that hold them are
// variables, which a function and its clone share: the addresses would lead out of the clone.
void numberLabels(llvm::Module& M);

}  // namespace belay
