// The locals of a function that holds markers are state too. Each that is small has a shadow, which
// takes its value at the start and gives it back when the region is undone: both become registers
// wherever the local does. A large one is pinned to memory and logged like any other. One that has
// no value yet at the start has none to go back to.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>

namespace belay {

class ShadowLocals {
 public:
  // A start of a region, and among how many others of its function.
  struct Start {
    llvm::Instruction* At;
    unsigned Depth;
  };

  // Finds the locals; removes the ends of their lifetimes, since a rewind may begin them again.
  ShadowLocals(llvm::Function& F, llvm::ArrayRef<Start> Starts);

  // Depth: of the region, among those of this function.
  void save(llvm::IRBuilder<>& B, unsigned Depth);
  void putBack(llvm::IRBuilder<>& B, unsigned Depth);
  // Before At, if Condition is not 0.
  void putBackIf(llvm::Value* Condition, llvm::Instruction* At, unsigned Depth);

 private:
  void pin(llvm::Value* Local, llvm::Instruction* Before);
  void addShadow(llvm::AllocaInst* Local, unsigned Depth);
  void copy(llvm::IRBuilder<>& B, llvm::AllocaInst* To, llvm::AllocaInst* From);

  llvm::Function& F;
  struct Shadowed {
    llvm::AllocaInst *Local, *Shadow;
  };
  llvm::SmallVector<llvm::SmallVector<Shadowed>> Depths;
};

}  // namespace belay
