// BELAY_KEEP (belay/region.h): functions whose writes outlive a rollback.
#pragma once

#include <llvm/IR/Module.h>

namespace belay {

// Keeps them from being inlined into functions whose writes do not, and notes which they are.
void keepOutOfLine(llvm::Module& M);

bool isKept(const llvm::Function& F);

}  // namespace belay
