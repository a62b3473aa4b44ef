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
  if (auto* F = dyn_cast<Function>(&Callee)) {
    auto Found = Clones.find(F);
    if (Found != Clones.end()) {
      ++NumDirect;
      return Found->second;
    }
  }
  std::string Name = (Callee.getName() + kCloneSuffix).str();
  if (isa<GlobalAlias>(Callee))
    if (GlobalValue* Clone = M.getNamedValue(Name); Clone && !Clone->isDeclaration()) {
      ++NumDirect;
      return Clone;
    }
  if (effectsOf(Callee.getName()) == Effects::Wrapped)
    return M.getOrInsertFunction(Name, Type).getCallee();
  return cloneOfUnknown(B, Callee, Type);
}

// NAME.ckpt if some object has it. Otherwise NAME if that is known to write nothing, or what
// __belay_unknown_call says, if it returns.
Value* CallRedirector::cloneOfUnknown(IRBuilder<>& B, GlobalValue& Callee, FunctionType* Type) {
  ++NumWeak;
  std::string Name = (Callee.getName() + kCloneSuffix).str();
  GlobalValue* Clone = M.getNamedValue(Name);
  if (!Clone) {
    Clone = Function::Create(Type, GlobalValue::ExternalWeakLinkage, Name, M);
    Clone->setVisibility(GlobalValue::DefaultVisibility);
  }
  Effects Known = effectsOf(Callee.getName());
  if (Known == Effects::Pure || Known == Effects::Kept)
    return B.CreateSelect(B.CreateIsNull(Clone), &Callee, Clone);
  Instruction* At = &*B.GetInsertPoint();
  BasicBlock* Here = At->getParent();
  Instruction* Cold =
      SplitBlockAndInsertIfThen(B.CreateIsNull(Clone), At, /*Unreachable=*/false, unlikely(M));
  B.SetInsertPoint(Cold);
  Value* Allowed =
      B.CreateCall(getHook(M, Hook::unknown_call), {getText(M, Callee.getName()), &Callee});
  B.SetInsertPoint(At->getParent(), At->getParent()->begin());
  PHINode* Either = B.CreatePHI(B.getPtrTy(), 2);
  Either->addIncoming(Clone, Here);
  Either->addIncoming(Allowed, Cold->getParent());
  B.SetInsertPoint(At);
  return Either;
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
  // Together: an independent check of what a rollback restores must know them (tests).
  Site->setSection("belay_sites");
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
