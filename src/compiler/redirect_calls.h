// Calls that regions make go to clones.
#pragma once

#include <llvm/IR/InstrTypes.h>

#include "compiler/clones.h"
#include "compiler/log_writes.h"

namespace belay {

class CallRedirector {
 public:
  CallRedirector(llvm::Module& M, const CloneMap& Clones) : M(M), Clones(Clones) {}

  // Makes Call one of the clone, found now or when the program runs.
  void redirect(llvm::CallBase& Call, Where W);

 private:
  llvm::Value* cloneOfDirect(llvm::IRBuilder<>& B, llvm::GlobalValue& Callee,
                             llvm::FunctionType* Type);
  llvm::Value* cloneOfUnknown(llvm::IRBuilder<>& B, llvm::GlobalValue& Callee,
                              llvm::FunctionType* Type);
  llvm::Value* cloneOfPointer(llvm::IRBuilder<>& B, llvm::Value* Pointer);

  llvm::Module& M;
  const CloneMap& Clones;
};

}  // namespace belay
