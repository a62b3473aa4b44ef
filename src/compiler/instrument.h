// After inlining and simplification, before vectorisation: what regions run logs what it writes.
#pragma once

#include <llvm/IR/PassManager.h>

namespace belay {

// Every function gets a clone that logs, NAME.ckpt, for whichever region in whichever object calls
// it; functions that hold markers log between them; the module's table of clones is made.
class InstrumentRegions : public llvm::PassInfoMixin<InstrumentRegions> {
 public:
  llvm::PreservedAnalyses run(llvm::Module& M, llvm::ModuleAnalysisManager& AM);
  static bool isRequired() { return true; }
};

}  // namespace belay
