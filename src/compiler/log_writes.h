// One function's writes, each with a call of the right hook in front of it.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicInst.h>

#include "compiler/masked_writes.h"

namespace belay {

// Whether the code at hand is in a region.
enum class Where { Inside, Maybe };

// With -belay-shadow: the program begins by saying so to the runtime.
void shadowRegions(llvm::Module& M);

class WriteLogger {
 public:
  explicit WriteLogger(llvm::Function& F);

  // If I writes memory by itself (a store, an atomic, an intrinsic), logs that. Calls of functions
  // are none of its business, and false.
  bool log(llvm::Instruction& I, Where W);

  void logRange(llvm::Instruction& Before, llvm::Value* Address, llvm::Value* Bytes, Where W);
  void logRange(llvm::Instruction& Before, llvm::Value* Address, uint64_t Bytes, Where W);

  // In front of what nobody can log.
  void refuse(llvm::Instruction& I, const llvm::Twine& What, Where W);

 private:
  bool logIntrinsic(llvm::IntrinsicInst& I, Where W);
  void logMasked(llvm::IntrinsicInst& I, const MaskedWrite& Write);
  void logCompressed(llvm::IntrinsicInst& I, Where W);
  void logAsm(llvm::CallBase& Call, Where W);
  void logNaively(llvm::IRBuilder<>& B, llvm::Value* Address, llvm::Value* Bytes);
  // A variable of the function itself, or several; but none that is pinned.
  bool isOwnLocal(const llvm::Value* Address) const;
  // Of the function itself, or of memory that it has just got: nothing to put back.
  bool isBorn(const llvm::Value* Address) const;

  llvm::Function& F;
  llvm::Module& M;
  const llvm::DataLayout& Layout;
  llvm::SmallPtrSet<const llvm::Value*, 16> Pinned;  // locals that are logged all the same
  bool HasMarkers;
  llvm::Constant* Writer = nullptr;  // what the naive log calls the function
};

}  // namespace belay
