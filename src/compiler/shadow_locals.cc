#include "compiler/shadow_locals.h"

#include <llvm/ADT/Statistic.h>
#include <llvm/Analysis/CFG.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>
#include <llvm/Transforms/Utils/Local.h>

#include "compiler/hooks.h"
#include "compiler/keep.h"
#include "region/mutant.h"

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

// Of a function, for each start and each stop: what goes beyond that is logged, or functions with
// many locals and many regions would consist of copies.
constexpr uint64_t kCopiedWordsMax = 512;

bool isSmall(const AllocaInst& Local) {
  auto Bytes = Local.getAllocationSize(Local.getDataLayout());
  return Local.isStaticAlloca() && Bytes && !Bytes->isScalable() && *Bytes <= kShadowBytesMax;
}

bool isLifetime(const Instruction& I) {
  auto* Intrinsic = dyn_cast<IntrinsicInst>(&I);
  return Intrinsic && Intrinsic->isLifetimeStartOrEnd();
}

// Whether Local may have a value at Start: something used it before, in the same lifetime.
bool hasValueAt(const AllocaInst& Local, const Instruction& Start) {
  SmallPtrSet<const Instruction*, 16> Users;
  for (const User* Each : Local.users()) Users.insert(cast<Instruction>(Each));
  SmallPtrSet<const BasicBlock*, 16> Seen;
  SmallVector<const Instruction*> Work = {&Start};
  while (!Work.empty()) {
    const Instruction* I = Work.pop_back_val();
    const BasicBlock* Block = I->getParent();
    while (I && !Users.contains(I)) I = I->getPrevNode();
    if (I && isLifetime(*I)) continue;
    if (I) return true;
    for (const BasicBlock* Before : predecessors(Block))
      if (Seen.insert(Before).second) Work.push_back(Before->getTerminator());
  }
  return false;
}

// Whether what is stored comes from the exception in flight.
bool isOfException(const Value* V) {
  for (;;) {
    if (isa<LandingPadInst>(V)) return true;
    if (auto* Call = dyn_cast<CallBase>(V)) {
      const Function* Callee = Call->getCalledFunction();
      return Callee && (Callee->getName() == "__cxa_begin_catch" ||
                        Callee->getName() == "__cxa_get_exception_ptr");
    }
    auto* I = dyn_cast<Instruction>(V);
    if (!I || !(isa<LoadInst>(I) || isa<ExtractValueInst>(I) || isa<CastInst>(I))) return false;
    V = I->getOperand(0);
  }
}

// Not variables of the program but clang's: where control is going, and with what. They may be
// written in the region and read behind it, by `return` in the scope of a guard, for example.
bool isControl(const AllocaInst& Local) {
  // A structure that is returned may be a variable of the program that clang has put there (NRVO).
  if (Local.getName() == "retval" && Local.getAllocatedType()->isSingleValueType()) return true;
  if (is_contained({"cleanup.dest.slot", "exn.slot", "ehselector.slot"}, Local.getName()))
    return true;
  bool Any = false;
  for (const User* Each : Local.users()) {
    auto* Store = dyn_cast<StoreInst>(Each);
    if (!Store || Store->getPointerOperand() != &Local) continue;
    if (!isOfException(Store->getValueOperand())) return false;
    Any = true;
  }
  return Any;
}

// Locals that are written to stay, by belay::keep(), or may be, by a BELAY_KEEP function that is
// given their address: a shadow would undo that too.
SmallPtrSet<const Value*, 4> findKept(const Function& F) {
  SmallPtrSet<const Value*, 4> Kept;
  for (const Instruction& I : instructions(F)) {
    auto* Call = dyn_cast<CallBase>(&I);
    const Function* Callee = Call ? Call->getCalledFunction() : nullptr;
    if (!Callee || !(isKept(*Callee) || Callee->getName().starts_with("_ZN5belay4keepI"))) continue;
    for (const Use& Each : Call->args())
      if (Each->getType()->isPointerTy()) Kept.insert(getUnderlyingObject(Each));
  }
  return Kept;
}

}  // namespace

ShadowLocals::ShadowLocals(Function& F, ArrayRef<Start> Starts)
    : F(F), IsRewindable(any_of(Starts, [](const Start& Each) { return Each.IsRewindable; })) {
  if (IsRewindable) makeLocals(Starts);
  const auto Kept = findKept(F);
  SmallVector<IntrinsicInst*> Lifetimes;
  SmallVector<AllocaInst*> Small, Large, Control;
  for (Instruction& I : instructions(F)) {
    if (auto* Local = dyn_cast<AllocaInst>(&I)) {
      bool IsShadowed = isSmall(*Local) && !Kept.contains(Local) && !NoShadows;
      if (!isControl(*Local))
        (IsShadowed ? Small : Large).push_back(Local);
      else if (IsRewindable && IsShadowed)
        Control.push_back(Local);
    }
    if (isLifetime(I)) Lifetimes.push_back(cast<IntrinsicInst>(&I));
  }
  for (const Start& Each : Starts)
    if (Each.Depth >= Depths.size()) Depths.resize(Each.Depth + 1);
  for (AllocaInst* Local : Control) addShadows(Local, depthsOf(*Local, Starts), true);
  addSmall(Small, Starts, Large);
  erase_if(Large, [&](const AllocaInst* Local) {
    return none_of(Starts, [&](const Start& Each) { return hasValueAt(*Local, *Each.At); });
  });
  for (IntrinsicInst* Lifetime : Lifetimes) Lifetime->eraseFromParent();
  for (AllocaInst* Local : Large) pin(Local, Local->getNextNode());
  // By-value and returned structures are locals that the caller has made.
  for (Argument& A : F.args()) {
    A.removeAttr(Attribute::NoAlias);
    if (A.hasByValAttr() || A.hasStructRetAttr())
      pin(&A, &*F.getEntryBlock().getFirstNonPHIOrDbgOrAlloca());
  }
  NumPinned += Large.size();
}

SmallBitVector ShadowLocals::depthsOf(const AllocaInst& Local, ArrayRef<Start> Starts) const {
  SmallBitVector Found(Depths.size());
  for (const Start& Each : Starts)
    if (!Found[Each.Depth] && hasValueAt(Local, *Each.At)) Found.set(Each.Depth);
  return Found;
}

// Shadows for those of Locals that are copied least, and the others are Large.
void ShadowLocals::addSmall(ArrayRef<AllocaInst*> Locals, ArrayRef<Start> Starts,
                            SmallVectorImpl<AllocaInst*>& Large) {
  struct Candidate {
    AllocaInst* Local;
    SmallBitVector AtDepths;
    uint64_t Words;
  };
  SmallVector<Candidate> Candidates;
  for (AllocaInst* Local : Locals) {
    SmallBitVector AtDepths = depthsOf(*Local, Starts);
    auto Copies = count_if(Starts, [&](const Start& Each) { return AtDepths[Each.Depth]; });
    uint64_t Bytes = Local->getAllocationSize(F.getDataLayout())->getFixedValue();
    Candidates.push_back({Local, AtDepths, divideCeil(Bytes, 8) * static_cast<uint64_t>(Copies)});
  }
  stable_sort(Candidates, [](const auto& A, const auto& B) { return A.Words < B.Words; });
  uint64_t Words = 0;
  for (const Candidate& Each : Candidates) {
    Words += Each.Words;
    if (Words <= kCopiedWordsMax)
      addShadows(Each.Local, Each.AtDepths, false);
    else
      Large.push_back(Each.Local);
  }
}

// What is no variable and alive at a start becomes one: `this`, say.
void ShadowLocals::makeLocals(ArrayRef<Start> Starts) {
  DominatorTree Tree(F);
  auto IsUsedBehind = [&](const Value& V, const Start& At) {
    return any_of(V.uses(), [&](const Use& Each) {
      auto* User = cast<Instruction>(Each.getUser());
      if (auto* Phi = dyn_cast<PHINode>(User)) User = Phi->getIncomingBlock(Each)->getTerminator();
      return isPotentiallyReachable(At.At, User, nullptr, &Tree);
    });
  };
  SmallVector<Instruction*> Alive;
  for (Instruction& I : instructions(F)) {
    auto* Local = dyn_cast<AllocaInst>(&I);
    if ((Local && Local->isStaticAlloca()) || I.getType()->isVoidTy() || I.getType()->isTokenTy())
      continue;
    if (any_of(Starts, [&](const Start& Each) {
          return Tree.dominates(&I, Each.At) && IsUsedBehind(I, Each);
        }))
      Alive.push_back(&I);
  }
  for (Instruction* I : Alive) DemoteRegToStack(*I);
  Instruction* Entry = &*F.getEntryBlock().getFirstNonPHIOrDbgOrAlloca();
  for (Argument& A : F.args()) {
    if (none_of(Starts, [&](const Start& Each) { return IsUsedBehind(A, Each); })) continue;
    auto* Copy = new BitCastInst(&A, A.getType(), A.getName() + ".local", Entry->getIterator());
    A.replaceUsesWithIf(Copy, [&](const Use& Each) { return Each.getUser() != Copy; });
    DemoteRegToStack(*Copy);
  }
}

void ShadowLocals::pin(Value* Local, Instruction* Before) {
  while (isa<AllocaInst>(Before)) Before = Before->getNextNode();
  CallInst::Create(getHook(*F.getParent(), Hook::pin), {Local}, "", Before->getIterator());
}

void ShadowLocals::addShadows(AllocaInst* Local, const SmallBitVector& AtDepths,
                              bool OnlyForRewinds) {
  for (unsigned Depth : AtDepths.set_bits()) {
    // Not a clone: debug information, DIAssignID above all, is of one variable.
    auto* Shadow =
        new AllocaInst(Local->getAllocatedType(), 0, Local->getArraySize(), Local->getAlign(),
                       Local->getName() + ".shadow", F.getEntryBlock().begin());
    Depths[Depth].push_back({Local, Shadow, OnlyForRewinds});
    ++NumShadowed;
  }
}

void ShadowLocals::copy(IRBuilder<>& B, const Shadowed& Each, bool Saves) {
  AllocaInst *From = Saves ? Each.Local : Each.Shadow, *To = Saves ? Each.Shadow : Each.Local;
  auto CopyPart = [&](Type* T, uint64_t Offset) {
    auto At = [&](AllocaInst* Base) {
      return B.CreateConstInBoundsGEP1_64(B.getInt8Ty(), Base, Offset);
    };
    LoadInst* Part = B.CreateAlignedLoad(T, At(From), commonAlignment(From->getAlign(), Offset));
    StoreInst* Store = B.CreateAlignedStore(Part, At(To), commonAlignment(To->getAlign(), Offset));
    // Keeps the shadow in memory, and leaves the local free to become registers.
    bool Stays = IsRewindable && !BELAY_MUTANT(shadows_unseen);
    Saves ? Store->setVolatile(Stays) : Part->setVolatile(Stays);
  };
  Type* T = From->getAllocatedType();
  uint64_t Bytes = From->getAllocationSize(F.getDataLayout())->getFixedValue();
  if (T->isSingleValueType() && !From->isArrayAllocation()) return CopyPart(T, 0);
  if (BELAY_MUTANT(shadows_halved)) Bytes /= 2;
  if (!IsRewindable) {
    B.CreateMemCpy(To, To->getAlign(), From, From->getAlign(), Bytes);
    return;
  }
  for (uint64_t Offset = 0, Part = 8; Offset < Bytes; Offset += Part) {
    while (Part > Bytes - Offset) Part /= 2;
    CopyPart(B.getIntNTy(static_cast<unsigned>(8 * Part)), Offset);
  }
}

void ShadowLocals::save(IRBuilder<>& B, unsigned Depth) {
  for (const Shadowed& Each : Depths[Depth]) copy(B, Each, /*Saves=*/true);
}

void ShadowLocals::putBackAll(IRBuilder<>& B, unsigned Depth) {
  for (const Shadowed& Each : Depths[Depth]) copy(B, Each, /*Saves=*/false);
}

void ShadowLocals::putBackIf(Value* Condition, Instruction* At, unsigned Depth) {
  if (Depths[Depth].empty() || BELAY_MUTANT(shadows_not_put_back)) return;
  if (Depth > 0 && BELAY_MUTANT(shadows_only_outermost)) return;
  IRBuilder<> B(At);
  Value* IsSet = B.CreateICmpNE(Condition, ConstantInt::get(Condition->getType(), 0));
  Instruction* Then = SplitBlockAndInsertIfThen(IsSet, At, /*Unreachable=*/false);
  Then->getParent()->setName("belay.undo.locals");
  B.SetInsertPoint(Then);
  for (const Shadowed& Each : Depths[Depth])
    if (!Each.OnlyForRewinds) copy(B, Each, /*Saves=*/false);
}

}  // namespace belay
