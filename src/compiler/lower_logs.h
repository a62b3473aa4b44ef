// Last of all: logging inline, in five instructions.
#pragma once

#include <llvm/IR/PassManager.h>

namespace belay {

// Turns calls of the log hooks for scalars into appends to the thread's log (region/entry.h).
class LowerLogs : public llvm::PassInfoMixin<LowerLogs> {
 public:
  llvm::PreservedAnalyses run(llvm::Function& F, llvm::FunctionAnalysisManager&);
  static bool isRequired() { return true; }
};

}  // namespace belay
