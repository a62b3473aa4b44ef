// Calls that regions make go to clones.
#pragma once

#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/IR/InstrTypes.h>
#include <llvm/IR/Module.h>
#include <llvm/TargetParser/Triple.h>

#include "compiler/clones.h"
#include "compiler/log_writes.h"

namespace belay {

class CallRedirector {
 public:
  CallRedirector(llvm::Module& M, const CloneMap& Clones)
      : M(M), Clones(Clones), Library(llvm::Triple(M.getTargetTriple())) {}

  // Makes Call one of the clone, found now or when the program runs.
  void redirect(llvm::CallBase& Call, Where W);

 private:
  llvm::Value* cloneOfDirect(llvm::IRBuilder<>& B, llvm::GlobalValue& Callee,
                             llvm::FunctionType* Type);
  llvm::Value* cloneOfUnknown(llvm::IRBuilder<>& B, llvm::GlobalValue& Callee,
                              llvm::FunctionType* Type);
  llvm::Value* cloneOfListed(llvm::IRBuilder<>& B, llvm::Function& Callee, llvm::Value* Clone);
  llvm::Value* cloneOfPointer(llvm::IRBuilder<>& B, llvm::Value* Pointer);

  bool isHarmless(llvm::CallBase& Call, llvm::GlobalValue* Callee) const;
  bool mayBeProgramsOwn(const llvm::Function& F) const;

  llvm::Module& M;
  const CloneMap& Clones;
  const llvm::TargetLibraryInfoImpl Library;
};

}  // namespace belay
