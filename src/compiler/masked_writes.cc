#include "compiler/masked_writes.h"

using namespace llvm;

namespace belay {

namespace {

std::optional<MaskedWrite> masked(Value* Data, Value* Address, Value* Mask) {
  auto* Vector = dyn_cast<FixedVectorType>(Data->getType());
  auto* OfMask = dyn_cast<FixedVectorType>(Mask->getType());
  if (!Vector || !OfMask) return std::nullopt;
  // A narrow scatter has fewer indices than its vector elements.
  return MaskedWrite{Vector->getElementType(), Address, Mask, OfMask->getNumElements()};
}

// Where an architecture's mask has as many bits as the elements, their signs count.
Value* signs(IRBuilder<>& B, Value* Mask) {
  return B.CreateICmpSLT(Mask, Constant::getNullValue(Mask->getType()));
}

// base, mask, indices, data, scale
std::optional<MaskedWrite> scattered(IRBuilder<>& B, IntrinsicInst& I) {
  auto* Lanes = cast<VectorType>(I.getArgOperand(2)->getType());
  Value* Indices =
      B.CreateSExt(I.getArgOperand(2), VectorType::get(B.getInt64Ty(), Lanes->getElementCount()));
  Value* Scale = B.CreateVectorSplat(Lanes->getElementCount(),
                                     B.CreateZExt(I.getArgOperand(4), B.getInt64Ty()));
  Value* Addresses = B.CreateGEP(B.getInt8Ty(), I.getArgOperand(0), B.CreateMul(Indices, Scale));
  return masked(I.getArgOperand(3), Addresses, I.getArgOperand(1));
}

}  // namespace

std::optional<MaskedWrite> maskedWrite(IRBuilder<>& B, IntrinsicInst& I) {
  if (I.getIntrinsicID() == Intrinsic::masked_store ||
      I.getIntrinsicID() == Intrinsic::masked_scatter)
    return masked(I.getArgOperand(0), I.getArgOperand(1), I.getArgOperand(3));
  StringRef Name = I.getCalledFunction()->getName();
  if (Name.starts_with("llvm.x86.avx.maskstore.") || Name.starts_with("llvm.x86.avx2.maskstore."))
    return masked(I.getArgOperand(2), I.getArgOperand(0), signs(B, I.getArgOperand(1)));
  if (Name == "llvm.x86.sse2.maskmov.dqu")
    return masked(I.getArgOperand(0), I.getArgOperand(2), signs(B, I.getArgOperand(1)));
  if (Name.starts_with("llvm.x86.avx512.mask.scatter")) return scattered(B, I);
  return std::nullopt;
}

}  // namespace belay
