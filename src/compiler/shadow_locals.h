// The locals of a function that holds markers are state too. Each that is small has a shadow, which
// takes its value at the start and gives it back when the region is undone: both become registers
// wherever the local does. A large one, or one that would be copied too often, is pinned to memory
// and logged like any other. One that has no value yet at the start has none to go back to.
//
// A rewind arrives at the start by longjmp(), which no edge of the control flow graph shows: a copy
// back may look needless there, and a value that is dead on the way to the rewind may lose its
// spill slot to another. So where a function may be rewound, shadows stay in memory, and all that
// is alive at a start has one.
#pragma once

#include <llvm/ADT/SmallBitVector.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>

namespace belay {

class ShadowLocals {
 public:
  // A start of a region, and among how many others of its function.
  struct Start {
    llvm::Instruction* At;
    unsigned Depth;
    bool IsRewindable;
  };

  // Finds the locals; removes the ends of their lifetimes, since a rewind may begin them again.
  ShadowLocals(llvm::Function& F, llvm::ArrayRef<Start> Starts);

  // Depth: of the region, among those of this function.
  void save(llvm::IRBuilder<>& B, unsigned Depth);
  // Where a rewind arrives.
  void putBackAll(llvm::IRBuilder<>& B, unsigned Depth);
  // Before At, if Condition is not 0.
  void putBackIf(llvm::Value* Condition, llvm::Instruction* At, unsigned Depth);

 private:
  void makeLocals(llvm::ArrayRef<Start> Starts);
  void pin(llvm::Value* Local, llvm::Instruction* Before);
  // The depths of starts at which Local may have a value.
  llvm::SmallBitVector depthsOf(const llvm::AllocaInst& Local, llvm::ArrayRef<Start> Starts) const;
  void addSmall(llvm::ArrayRef<llvm::AllocaInst*> Locals, llvm::ArrayRef<Start> Starts,
                llvm::SmallVectorImpl<llvm::AllocaInst*>& Large);
  void addShadows(llvm::AllocaInst* Local, const llvm::SmallBitVector& AtDepths,
                  bool OnlyForRewinds);

  llvm::Function& F;
  bool IsRewindable;
  struct Shadowed {
    llvm::AllocaInst *Local, *Shadow;
    bool OnlyForRewinds;
  };
  void copy(llvm::IRBuilder<>& B, const Shadowed& Each, bool Saves);

  llvm::SmallVector<llvm::SmallVector<Shadowed>> Depths;
};

}  // namespace belay
