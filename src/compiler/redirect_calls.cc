#include "compiler/redirect_calls.h"

#include <llvm/ADT/Statistic.h>
#include <llvm/IR/MDBuilder.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>

#include "compiler/effects.h"
#include "compiler/hooks.h"
#include "compiler/keep.h"
#include "region/mutant.h"

#define DEBUG_TYPE "belay"

using namespace llvm;

STATISTIC(NumDirect, "Calls of clones in the module");
STATISTIC(NumWeak, "Calls of clones that other objects may have");
STATISTIC(NumIndirect, "Calls through pointers");

namespace belay {

namespace {

MDNode* unlikely(Module& M) { return MDBuilder(M.getContext()).createUnlikelyBranchWeights(); }

// The function or alias that is called by name, if it is.
GlobalValue* calledByName(CallBase& Call) {
  auto* Callee = dyn_cast<GlobalValue>(Call.getCalledOperand()->stripPointerCasts());
  return Callee && (isa<Function>(Callee) || isa<GlobalAlias>(Callee) || isa<GlobalIFunc>(Callee))
             ? Callee
             : nullptr;
}

// Where call sites remember what was found, together: an independent check of what a rollback
// restores must know them (tests).
constexpr StringLiteral kSitesSection = "belay_sites";

// Known, or what the code says that Otherwise inserts for when it is null.
Value* orIfNull(IRBuilder<>& B, Value* Known, function_ref<Value*()> Otherwise) {
  Instruction* At = &*B.GetInsertPoint();
  BasicBlock* Here = At->getParent();
  MDNode* Unlikely = unlikely(*Here->getModule());
  Instruction* Cold =
      SplitBlockAndInsertIfThen(B.CreateIsNull(Known), At, /*Unreachable=*/false, Unlikely);
  B.SetInsertPoint(Cold);
  Value* Other = Otherwise();
  B.SetInsertPoint(At->getParent(), At->getParent()->begin());
  PHINode* Either = B.CreatePHI(B.getPtrTy(), 2);
  Either->addIncoming(Known, Here);
  Either->addIncoming(Other, Cold->getParent());
  B.SetInsertPoint(At);
  return Either;
}

}  // namespace

// A program may have a function of that name itself, which does something else: the standard
// reserves the names that the compiler knows by heart, and those that begin with an underscore.
bool CallRedirector::mayBeProgramsOwn(const Function& F) const {
  LibFunc Known;
  return !F.getName().starts_with("_") && !F.isIntrinsic() && !Library.getLibFunc(F, Known);
}

// Called as it is in a region too.
bool CallRedirector::isHarmless(CallBase& Call, GlobalValue* Callee) const {
  if (Call.onlyReadsMemory()) return true;
  if (!Callee) return false;
  if (isOwnSetJmp(Call)) return true;
  auto* F = dyn_cast<Function>(Callee);
  if (F && (isRuntimeFunction(*F) || isKept(*F))) return true;
  Effects Known = effectsOf(Callee->getName());
  if (!Callee->isDeclaration() || (Known != Effects::Pure && Known != Effects::Kept)) return false;
  return !F || !mayBeProgramsOwn(*F);
}

void CallRedirector::redirect(CallBase& Call, Where W) {
  GlobalValue* Callee = calledByName(Call);
  if (isHarmless(Call, Callee)) return;
  if (Callee ? BELAY_MUTANT(calls_not_redirected) : BELAY_MUTANT(pointers_not_resolved)) return;
  if (Callee && isSetJmp(Callee->getName())) {
    IRBuilder<>(&Call).CreateCall(getHook(M, Hook::log_jmp_buf), Call.getArgOperand(0));
    return;
  }
  Value* Before = Call.getCalledOperand();
  Instruction* At = &Call;
  if (W == Where::Maybe) {
    IRBuilder<> B(&Call);
    Value* Depth = B.CreateLoad(B.getInt32Ty(), getDepth(M));
    At = SplitBlockAndInsertIfThen(B.CreateIsNotNull(Depth), &Call, /*Unreachable=*/false);
  }
  BasicBlock* Outside = W == Where::Maybe ? At->getParent()->getSinglePredecessor() : nullptr;
  IRBuilder<> B(At);
  Value* Clone =
      Callee ? cloneOfDirect(B, *Callee, Call.getFunctionType()) : cloneOfPointer(B, Before);
  if (Outside) {
    BasicBlock* Inside = B.GetInsertBlock();
    B.SetInsertPoint(&Call.getParent()->front());
    PHINode* Either = B.CreatePHI(Clone->getType(), 2);
    Either->addIncoming(Before, Outside);
    Either->addIncoming(Clone, Inside);
    Clone = Either;
  }
  Call.setCalledOperand(Clone);
  dropPromises(Call);
}

Value* CallRedirector::cloneOfDirect(IRBuilder<>& B, GlobalValue& Callee, FunctionType* Type) {
  auto* F = dyn_cast<Function>(&Callee);
  if (auto Found = Clones.find(F); Found != Clones.end()) {
    ++NumDirect;
    return Found->second;
  }
  std::string Name = (Callee.getName() + kCloneSuffix).str();
  if (isa<GlobalAlias>(Callee))
    if (GlobalValue* Clone = M.getNamedValue(Name); Clone && !Clone->isDeclaration()) {
      ++NumDirect;
      return Clone;
    }
  Effects Known = effectsOf(Callee.getName());
  Value* Listed = nullptr;
  if (Known == Effects::Wrapped) Listed = M.getOrInsertFunction(Name, Type).getCallee();
  if (Known == Effects::Pure && F) Listed = ConstantPointerNull::get(B.getPtrTy());
  if (Listed && F && mayBeProgramsOwn(*F)) return cloneOfListed(B, *F, Listed);
  return Known == Effects::Wrapped ? Listed : cloneOfUnknown(B, Callee, Type);
}

// Each module remembers for each name what the runtime has said.
Value* CallRedirector::cloneOfListed(IRBuilder<>& B, Function& Callee, Value* Clone) {
  std::string Name = ("belay.listed." + Callee.getName()).str();
  GlobalVariable* Target = M.getNamedGlobal(Name);
  if (!Target) {
    auto* Ptr = B.getPtrTy();
    Target = new GlobalVariable(M, Ptr, false, GlobalValue::InternalLinkage,
                                ConstantPointerNull::get(Ptr), Name);
    Target->setSection(kSitesSection);
  }
  LoadInst* Remembered = B.CreateLoad(B.getPtrTy(), Target);
  Remembered->setAtomic(AtomicOrdering::Monotonic);
  return orIfNull(B, Remembered, [&] {
    return B.CreateCall(getHook(M, Hook::listed_call),
                        {getText(M, Callee.getName()), &Callee, Clone, Target});
  });
}

// NAME.ckpt if some object has it. Otherwise NAME if that is known to write nothing, or what
// __belay_unknown_call says, if it returns.
Value* CallRedirector::cloneOfUnknown(IRBuilder<>& B, GlobalValue& Callee, FunctionType* Type) {
  ++NumWeak;
  GlobalValue* Clone = cloneElsewhere(Callee, Type);
  Effects Known = effectsOf(Callee.getName());
  if (Known == Effects::Pure || Known == Effects::Kept)
    return B.CreateSelect(B.CreateIsNull(Clone), &Callee, Clone);
  return orIfNull(B, Clone, [&] {
    return B.CreateCall(getHook(M, Hook::unknown_call), {getText(M, Callee.getName()), &Callee});
  });
}

// The call site remembers the table's entry that it met last: one load and one comparison.
Value* CallRedirector::cloneOfPointer(IRBuilder<>& B, Value* Pointer) {
  ++NumIndirect;
  auto* Ptr = B.getPtrTy();
  auto* EntryType = StructType::get(Ptr, Ptr);
  GlobalVariable* Nobody = M.getNamedGlobal("belay.nobody");
  if (!Nobody)
    Nobody = new GlobalVariable(M, EntryType, true, GlobalValue::PrivateLinkage,
                                ConstantAggregateZero::get(EntryType), "belay.nobody");
  auto* Site = new GlobalVariable(M, Ptr, false, GlobalValue::PrivateLinkage, Nobody, "belay.site");
  Site->setSection(kSitesSection);
  LoadInst* Entry = B.CreateLoad(Ptr, Site);
  Entry->setAtomic(AtomicOrdering::Acquire);
  Value* Function = B.CreateLoad(Ptr, Entry);
  Instruction* At = &*B.GetInsertPoint();
  Instruction *Hit, *Miss;
  SplitBlockAndInsertIfThenElse(B.CreateICmpNE(Function, Pointer), At, &Miss, &Hit, unlikely(M));
  B.SetInsertPoint(Miss);
  Value* Found = B.CreateCall(getHook(M, Hook::resolve), {Pointer, Site});
  B.SetInsertPoint(Hit);
  Value* Cached = B.CreateLoad(Ptr, B.CreateStructGEP(EntryType, Entry, 1));
  B.SetInsertPoint(At->getParent(), At->getParent()->begin());
  PHINode* Either = B.CreatePHI(Ptr, 2);
  Either->addIncoming(Found, Miss->getParent());
  Either->addIncoming(Cached, Hit->getParent());
  B.SetInsertPoint(At);
  return Either;
}

}  // namespace belay
