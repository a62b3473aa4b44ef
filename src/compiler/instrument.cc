#include "compiler/instrument.h"

#include <llvm/IR/InstIterator.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>

#include "compiler/clones.h"
#include "compiler/clones_only.h"
#include "compiler/depth.h"
#include "compiler/effects.h"
#include "compiler/hide_memory.h"
#include "compiler/hooks.h"
#include "compiler/label_addresses.h"
#include "compiler/log_writes.h"
#include "compiler/redirect_calls.h"
#include "compiler/redundant_logs.h"
#include "region/mutant.h"

using namespace llvm;

namespace belay {

namespace {

constexpr StringLiteral kDone = "belay.instrumented";

struct Step {
  Instruction* I;
  Where W;
};

// All of a clone, and of a function with markers what is between them.
SmallVector<Step> stepsIn(Function& F, bool IsClone) {
  SmallVector<Step> Steps;
  RegionDepth Depth(F);
  for (BasicBlock& Block : F) {
    DepthSet Set = Depth.at(&Block);
    for (Instruction& I : Block) {
      if (I.mayWriteToMemory() && !RegionDepth::isStart(I) && !RegionDepth::isStop(I)) {
        if (IsClone || (mayBeInside(Set) && !mayBeOutside(Set)))
          Steps.push_back({&I, Where::Inside});
        else if (mayBeInside(Set))
          Steps.push_back({&I, Where::Maybe});
      }
      Set = Depth.after(I, Set);
    }
  }
  return Steps;
}

void instrument(Function& F, bool IsClone, CallRedirector& Redirector) {
  WriteLogger Logger(F);
  for (Step& Each : stepsIn(F, IsClone)) {
    if (!isa<CallBase>(Each.I) && IsClone && BELAY_MUTANT(clones_not_logged)) continue;
    if (!isa<CallBase>(Each.I) && !IsClone && BELAY_MUTANT(markers_function_not_logged)) continue;
    if (Logger.log(*Each.I, Each.W)) continue;
    if (auto* Call = dyn_cast<CallBase>(Each.I))
      Redirector.redirect(*Call, Each.W);
    else if (!isa<LoadInst>(Each.I) && !isa<FenceInst>(Each.I))
      Logger.refuse(*Each.I, Twine("an instruction ") + Each.I->getOpcodeName(), Each.W);
  }
  removeRedundantLogs(F);
}

// Where setjmp returns for the second time, the regions that the jump has left are rolled back.
// Not wherever longjmp is called: a signal handler may do that, or code that nobody instrumented.
void guardJumps(Function& F) {
  SmallVector<CallInst*> Calls;
  for (Instruction& I : instructions(F)) {
    auto* Call = dyn_cast<CallInst>(&I);
    auto* Callee = Call ? Call->getCalledFunction() : nullptr;
    if (Callee && isSetJmp(Callee->getName()) && !isOwnSetJmp(*Call)) Calls.push_back(Call);
  }
  for (CallInst* Call : Calls) {
    Module& M = *F.getParent();
    IRBuilder<> B(Call);
    Value* Depth = B.CreateLoad(B.getInt32Ty(), getDepth(M), "belay.depth");
    Instruction* Next = Call->getNextNode();
    B.SetInsertPoint(Next);
    Value* Again = B.CreateIsNotNull(Call);
    B.SetInsertPoint(SplitBlockAndInsertIfThen(Again, Next, /*Unreachable=*/false));
    B.CreateCall(getHook(M, Hook::landed), Depth);
  }
}

}  // namespace

PreservedAnalyses InstrumentRegions::run(Module& M, ModuleAnalysisManager&) {
  unhideMemory(M);
  // With LTO the passes meet a module twice.
  if (M.getModuleFlag(kDone)) return PreservedAnalyses::none();
  M.addModuleFlag(Module::Max, kDone, 1);
  numberLabels(M);
  for (Function& F : M) guardJumps(F);
  CloneMap Clones = makeClones(M);
  CallRedirector Redirector(M, Clones);
  SmallVector<Function*> Marked;
  for (Function& F : M)
    if (!F.isDeclaration() && !F.getName().ends_with(kCloneSuffix) && hasMarkers(F))
      Marked.push_back(&F);
  for (Function* F : Marked) {
    dropPromises(*F);
    instrument(*F, /*IsClone=*/false, Redirector);
  }
  for (auto [F, Clone] : Clones)
    if (Clone != F) instrument(*Clone, /*IsClone=*/true, Redirector);
  keepClonesOnly(M, Clones);
  addCloneTable(M, Clones);
  return PreservedAnalyses::none();
}

}  // namespace belay
