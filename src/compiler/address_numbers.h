// Which addresses are the same, wherever in a function they are computed.
#pragma once

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/IRBuilder.h>

#include <map>
#include <vector>

namespace belay {

class AddressNumbers {
 public:
  // Two addresses of one number and offset are equal while the leaves of both keep their values.
  struct Place {
    unsigned Number;
    int64_t Offset;
    bool operator<(const Place& Other) const {
      return std::tie(Number, Offset) < std::tie(Other.Number, Other.Offset);
    }
  };

  explicit AddressNumbers(const llvm::DataLayout& Layout) : Layout(Layout) {}

  Place placeOf(llvm::Value* Address);

  // The instructions that a number is computed from, where computing it again would not do.
  llvm::ArrayRef<const llvm::Instruction*> leavesOf(unsigned Number) const {
    return Leaves[Number];
  }

  // Computes the address anew; its leaves dominate the builder's place.
  llvm::Value* materialize(llvm::IRBuilder<>& B, Place At) const;

 private:
  unsigned numberOf(llvm::Value* V, unsigned Depth);
  llvm::Value* copy(llvm::IRBuilder<>& B, llvm::Value* V, unsigned Depth) const;

  const llvm::DataLayout& Layout;
  std::map<std::vector<uintptr_t>, unsigned> Known;
  llvm::DenseMap<std::pair<llvm::Value*, unsigned>, unsigned> Memory;
  std::vector<llvm::Value*> Samples;  // a value of each number
  std::vector<llvm::SmallVector<const llvm::Instruction*, 4>> Leaves;
};

}  // namespace belay
