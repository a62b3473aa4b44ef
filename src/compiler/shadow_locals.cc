#include "compiler/shadow_locals.h"

#include <llvm/ADT/Statistic.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>

#include "compiler/hooks.h"

#define DEBUG_TYPE "belay"

using namespace llvm;

STATISTIC(NumShadowed, "Locals that have a shadow");
STATISTIC(NumPinned, "Locals that are logged");

static cl::opt<bool> NoShadows("belay-no-shadows", cl::Hidden,
                               cl::desc("Log the locals of functions that hold markers"));

namespace belay {

namespace {

// Registers of a struct or a small array; a longer one is seldom written as a whole.
constexpr uint64_t kShadowBytesMax = 64;

bool isSmall(const AllocaInst &Local) {
  auto Bytes = Local.getAllocationSize(Local.getDataLayout());
  return Local.isStaticAlloca() && Bytes && !Bytes->isScalable() && *Bytes <= kShadowBytesMax;
}

}  // namespace

ShadowLocals::ShadowLocals(Function &F) : F(F) {
  SmallVector<IntrinsicInst *> Lifetimes;
  SmallVector<AllocaInst *> Large;
  for (Instruction &I : instructions(F)) {
    if (auto *Local = dyn_cast<AllocaInst>(&I))
      (isSmall(*Local) && !NoShadows ? Locals : Large).push_back(Local);
    if (auto *Intrinsic = dyn_cast<IntrinsicInst>(&I); Intrinsic && Intrinsic->isLifetimeStartOrEnd())
      Lifetimes.push_back(Intrinsic);
  }
  for (IntrinsicInst *Lifetime : Lifetimes) Lifetime->eraseFromParent();
  for (AllocaInst *Local : Large) pin(Local, Local->getNextNode());
  // By-value and returned structures are locals that the caller has made.
  for (Argument &A : F.args()) {
    A.removeAttr(Attribute::NoAlias);
    if (A.hasByValAttr() || A.hasStructRetAttr())
      pin(&A, &*F.getEntryBlock().getFirstNonPHIOrDbgOrAlloca());
  }
  NumShadowed += Locals.size();
  NumPinned += Large.size();
}

void ShadowLocals::pin(Value *Local, Instruction *Before) {
  while (isa<AllocaInst>(Before)) Before = Before->getNextNode();
  CallInst::Create(getHook(*F.getParent(), Hook::pin), {Local}, "", Before->getIterator());
}

AllocaInst *ShadowLocals::shadowOf(size_t Index, unsigned Depth) {
  if (Shadows.size() <= Depth) Shadows.resize(Depth + 1);
  auto &OfDepth = Shadows[Depth];
  while (OfDepth.size() <= Index) {
    AllocaInst *Local = Locals[OfDepth.size()];
    auto *Shadow = cast<AllocaInst>(Local->clone());
    Shadow->setName(Local->getName() + ".shadow");
    Shadow->insertBefore(&*F.getEntryBlock().begin());
    OfDepth.push_back(Shadow);
  }
  return OfDepth[Index];
}

void ShadowLocals::copy(IRBuilder<> &B, AllocaInst *To, AllocaInst *From) {
  Type *T = From->getAllocatedType();
  if (T->isSingleValueType() && !From->isArrayAllocation()) {
    B.CreateAlignedStore(B.CreateAlignedLoad(T, From, From->getAlign()), To, To->getAlign());
    return;
  }
  uint64_t Bytes = From->getAllocationSize(F.getDataLayout())->getFixedValue();
  B.CreateMemCpy(To, To->getAlign(), From, From->getAlign(), Bytes);
}

void ShadowLocals::save(IRBuilder<> &B, unsigned Depth) {
  for (size_t I = 0; I < Locals.size(); ++I) copy(B, shadowOf(I, Depth), Locals[I]);
}

void ShadowLocals::putBack(IRBuilder<> &B, unsigned Depth) {
  for (size_t I = 0; I < Locals.size(); ++I) copy(B, Locals[I], shadowOf(I, Depth));
}

void ShadowLocals::putBackIf(Value *Condition, Instruction *At, unsigned Depth) {
  if (Locals.empty()) return;
  IRBuilder<> B(At);
  Value *IsSet = B.CreateICmpNE(Condition, ConstantInt::get(Condition->getType(), 0));
  Instruction *Then = SplitBlockAndInsertIfThen(IsSet, At, /*Unreachable=*/false);
  Then->getParent()->setName("belay.undo.locals");
  B.SetInsertPoint(Then);
  putBack(B, Depth);
}

}  // namespace belay
