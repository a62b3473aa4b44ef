// Intrinsics that write some elements of a vector, at a mask's word.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/IntrinsicInst.h>

#include <optional>

namespace belay {

struct MaskedWrite {
  llvm::Type* Element;
  llvm::Value* Address;  // of the first element, or a vector of all elements'
  llvm::Value* Mask;     // of i1
  unsigned Lanes;
};

// If I is one: what it writes, computed in front of it.
std::optional<MaskedWrite> maskedWrite(llvm::IRBuilder<>& B, llvm::IntrinsicInst& I);

}  // namespace belay
