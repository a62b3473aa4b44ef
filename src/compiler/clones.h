// NAME.ckpt: the clone of each function that a region calls instead of it.
#pragma once

#include <llvm/ADT/MapVector.h>
#include <llvm/IR/InstrTypes.h>
#include <llvm/IR/Module.h>

namespace belay {

constexpr llvm::StringLiteral kCloneSuffix = ".ckpt";

// From a function of the module to its clone in it.
using CloneMap = llvm::MapVector<llvm::Function*, llvm::Function*>;

// Clones, still without any logging, for all functions that may be called in a region.
CloneMap makeClones(llvm::Module& M);

// NAME.ckpt of a function of another object, or null at run time if no object has it.
llvm::GlobalValue* cloneElsewhere(llvm::GlobalValue& F, llvm::FunctionType* Type);

// What functions promise of their writes does not hold of code that logs.
void dropPromises(llvm::Function& F);
void dropPromises(llvm::CallBase& Call);

// The functions that other code may have the address of, for __belay_resolve; with the constructor
// and destructor that tell the runtime.
void addCloneTable(llvm::Module& M, const CloneMap& Clones);

}  // namespace belay
