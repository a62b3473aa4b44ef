// At the start of the pipeline, before any optimisation: the functions that hold markers.
#pragma once

#include <llvm/IR/PassManager.h>

namespace belay {

// Lowers start_ckpt() and stop_ckpt(), gives the function's locals shadows that a rollback puts
// back, and hides from the optimiser what it would otherwise conclude from not seeing a rollback:
// that memory fresh from malloc, or a static variable, changes by visible stores only.
class MarkRegions : public llvm::PassInfoMixin<MarkRegions> {
 public:
  llvm::PreservedAnalyses run(llvm::Module& M, llvm::ModuleAnalysisManager&);
  static bool isRequired() { return true; }
};

}  // namespace belay
