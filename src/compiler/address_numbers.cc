#include "compiler/address_numbers.h"

#include <llvm/IR/Instructions.h>
#include <llvm/IR/Operator.h>

using namespace llvm;

namespace belay {

namespace {

constexpr unsigned kExpressionDepthMax = 6;  // of an expression: a[i][j].b is 4 deep

// What may be computed again anywhere, for the same result.
bool isExpression(const Value* V) {
  return isa<GetElementPtrInst>(V) || isa<SExtInst>(V) || isa<ZExtInst>(V) || isa<TruncInst>(V) ||
         (isa<BinaryOperator>(V) && !cast<BinaryOperator>(V)->isIntDivRem() &&
          V->getType()->isIntegerTy());
}

uintptr_t toWord(const void* Pointer) { return reinterpret_cast<uintptr_t>(Pointer); }

}  // namespace

AddressNumbers::Place AddressNumbers::placeOf(Value* Address) {
  APInt Offset(Layout.getIndexTypeSizeInBits(Address->getType()), 0);
  Value* Base = Address->stripAndAccumulateConstantOffsets(Layout, Offset, true);
  if (Base->getType() != Address->getType()) return {numberOf(Address, 0), 0};
  return {numberOf(Base, 0), Offset.getSExtValue()};
}

unsigned AddressNumbers::numberOf(Value* V, unsigned Depth) {
  auto Met = Memory.find({V, Depth});
  if (Met != Memory.end()) return Met->second;
  std::vector<uintptr_t> Key;
  SmallVector<const Instruction*, 4> From;
  if (isExpression(V) && Depth < kExpressionDepthMax) {
    auto* I = cast<Instruction>(V);
    Key = {I->getOpcode(), toWord(I->getType())};
    if (auto* Gep = dyn_cast<GetElementPtrInst>(I))
      Key.push_back(toWord(Gep->getSourceElementType()));
    for (Value* Operand : I->operands()) {
      unsigned Number = numberOf(Operand, Depth + 1);
      Key.push_back(Number);
      From.append(Leaves[Number].begin(), Leaves[Number].end());
    }
    Key.push_back(Depth);  // deep down an expression counts as a leaf: never as both
  } else {
    Key = {toWord(V)};
    if (auto* I = dyn_cast<Instruction>(V)) From.push_back(I);
  }
  auto [Place, IsNew] = Known.try_emplace(Key, Samples.size());
  if (IsNew) {
    Samples.push_back(V);
    Leaves.push_back(From);
  }
  return Memory[{V, Depth}] = Place->second;
}

Value* AddressNumbers::materialize(IRBuilder<>& B, Place At) const {
  Value* Base = copy(B, Samples[At.Number], 0);
  return At.Offset == 0 ? Base : B.CreatePtrAdd(Base, B.getInt64(At.Offset));
}

Value* AddressNumbers::copy(IRBuilder<>& B, Value* V, unsigned Depth) const {
  if (!isExpression(V) || Depth == kExpressionDepthMax) return V;
  Instruction* Copy = cast<Instruction>(V)->clone();
  for (Use& Operand : Copy->operands()) Operand.set(copy(B, Operand.get(), Depth + 1));
  Copy->dropPoisonGeneratingFlags();  // the samples are equal but for these
  Copy->dropUnknownNonDebugMetadata();
  Copy->setDebugLoc(DebugLoc());
  return B.Insert(Copy);
}

}  // namespace belay
