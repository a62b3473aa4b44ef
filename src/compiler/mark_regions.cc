#include "compiler/mark_regions.h"

#include <llvm/ADT/Statistic.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>
#include <llvm/Transforms/Utils/EscapeEnumerator.h>

#include "compiler/depth.h"
#include "compiler/hide_memory.h"
#include "compiler/hooks.h"
#include "compiler/keep.h"
#include "compiler/shadow_locals.h"
#include "region/mutant.h"

#define DEBUG_TYPE "belay"

using namespace llvm;

STATISTIC(NumStarts, "Regions begun in the source");

static cl::opt<bool> NoRewind("belay-no-rewind", cl::Hidden,
                              cl::desc("start_ckpt() saves no registers: no rewind_ckpt()"));

namespace belay {

namespace {

void reportError(const Instruction& At, const Twine& What) {
  const Function& F = *At.getFunction();
  F.getContext().diagnose(
      DiagnosticInfoUnsupported(F, "belay: " + What, At.getDebugLoc(), DS_Error));
}

bool isRewindable(const CallBase& Start) {
  return !isMarkerCall(Start, Marker::start_ckpt_once) && !NoRewind;
}

void lowerStart(CallBase& Start, unsigned Depth, ShadowLocals& Locals) {
  Module& M = *Start.getModule();
  IRBuilder<> B(&Start);
  Locals.save(B, Depth);
  if (!isRewindable(Start)) {
    B.CreateCall(getHook(M, Hook::enter));
  } else {
    Value* Buffer = B.CreateCall(getHook(M, Hook::enter_rewindable));
    FunctionCallee SetJmp = M.getOrInsertFunction("_setjmp", B.getInt32Ty(), B.getPtrTy());
    cast<Function>(SetJmp.getCallee())->addFnAttr(Attribute::ReturnsTwice);
    B.CreateCall(SetJmp, Buffer)->addFnAttr(Attribute::ReturnsTwice);
    Locals.putBackAll(B, Depth);
  }
  Start.eraseFromParent();
}

void lowerStop(CallBase& Stop, unsigned Depth, ShadowLocals& Locals) {
  IRBuilder<> B(&Stop);
  Value* RolledBack = B.CreateCall(getHook(*Stop.getModule(), Hook::leave), Stop.getArgOperand(0));
  Locals.putBackIf(RolledBack, &Stop, Depth);
  Stop.eraseFromParent();
}

// A return in a region is an error, and an exception that leaves the function rolls its regions
// back.
void guardExits(Function& F, Value* Depth) {
  Module& M = *F.getParent();
  EscapeEnumerator Exits(F, "belay.unwind", /*HandleExceptions=*/!F.doesNotThrow());
  while (IRBuilder<>* B = Exits.Next()) {
    bool Returns = isa<ReturnInst>(B->GetInsertPoint());
    B->CreateCall(getHook(M, Returns ? Hook::check_left : Hook::unwind), Depth);
  }
}

// Where control might come from a region of this function that it has not left, by an exception.
void guardStart(CallBase& Start, Value* Depth, unsigned Regions) {
  IRBuilder<> B(&Start);
  B.CreateCall(getHook(*Start.getModule(), Hook::check_left),
               B.CreateAdd(Depth, B.getInt32(Regions)));
}

// start_ckpt() is noexcept in C++ and a plain function in C: a call, never an invoke.
struct Found {
  CallInst* Call;
  DepthSet Before;
  unsigned Level;  // of the region that it starts or stops
};

bool findMarkers(Function& F, SmallVectorImpl<Found>& All) {
  RegionDepth Depth(F);
  for (BasicBlock& Block : F) {
    DepthSet Set = Depth.at(&Block);
    if (Set == 0) continue;
    for (Instruction& I : Block) {
      if (RegionDepth::isStart(I) || RegionDepth::isStop(I)) {
        auto* Call = dyn_cast<CallInst>(&I);
        if (!Call) return reportError(I, "a marker that may throw"), false;
        unsigned Level = RegionDepth::isStart(I) ? Depth.levelOf(I) : Log2_32(Set) - 1;
        All.push_back({Call, Set, Level});
      }
      Set = Depth.after(I, Set);
    }
    if (isa<ReturnInst>(Block.getTerminator()) && mayBeInside(Set) && !mayBeOutside(Set))
      return reportError(*Block.getTerminator(),
                         "the function returns in a region; call stop_ckpt() before"),
             false;
  }
  return true;
}

// Each stop is of one region. The stop of a guard may be in code that no region of the function
// reaches, if the guard knows that it is closed.
bool checkStops(SmallVectorImpl<Found>& All) {
  bool AnyStart = any_of(All, [](Found& Each) { return RegionDepth::isStart(*Each.Call); });
  for (Found& Each : All) {
    if (!RegionDepth::isStop(*Each.Call)) continue;
    DepthSet Inside = Each.Before & ~kOutside;
    if (Inside == 0 && !AnyStart)
      return reportError(*Each.Call, "stop_ckpt() without start_ckpt() in this function"), false;
    if (Inside != 0 && !isPowerOf2_32(Inside))
      return reportError(*Each.Call,
                         "reached from regions of different depth, as behind an exception that has"
                         " left an inner one: end each in a catch (...) of its own, or use"
                         " belay::attempt() or belay::undo_guard"),
             false;
  }
  return true;
}

bool lowerMarkers(Function& F) {
  SmallVector<Found> All;
  if (!findMarkers(F, All)) return false;
  if (!checkStops(All)) return false;
  if (!All.empty() && F.isPresplitCoroutine())
    return reportError(*All.front().Call,
                       "a region in a coroutine, which others resume when they like: put it into a"
                       " function that the coroutine calls, as belay::attempt() does"),
           false;
  // Known in C++; in C with -fexceptions guardExits() would replace them by invokes.
  for (Found& Each : All) Each.Call->setDoesNotThrow();
  IRBuilder<> Entry(&*F.getEntryBlock().getFirstNonPHIOrDbgOrAlloca());
  Value* Depth = Entry.CreateLoad(Entry.getInt32Ty(), getDepth(*F.getParent()), "belay.depth");
  guardExits(F, Depth);
  SmallVector<ShadowLocals::Start> Starts;
  for (Found& Each : All)
    if (RegionDepth::isStart(*Each.Call)) {
      if (!isPowerOf2_32(Each.Before)) guardStart(*Each.Call, Depth, Each.Level);
      Starts.push_back({Each.Call, Each.Level, isRewindable(*Each.Call)});
    }
  ShadowLocals Locals(F, Starts);
  for (Found& Each : All) {
    if (RegionDepth::isStop(*Each.Call) && !mayBeInside(Each.Before)) {
      IRBuilder<>(Each.Call).CreateCall(getHook(*F.getParent(), Hook::misplaced_stop));
      Each.Call->eraseFromParent();
      continue;
    }
    if (RegionDepth::isStop(*Each.Call)) {
      lowerStop(*Each.Call, Each.Level, Locals);
      continue;
    }
    lowerStart(*Each.Call, Each.Level, Locals);
    ++NumStarts;
  }
  // Inlined, the caller's variables would become registers of the marker's function.
  F.removeFnAttr(Attribute::InlineHint);
  F.addFnAttr(Attribute::NoInline);
  return true;
}

}  // namespace

PreservedAnalyses MarkRegions::run(Module& M, ModuleAnalysisManager& AM) {
  keepOutOfLine(M);
  if (none_of(M, hasMarkers)) return PreservedAnalyses::none();
  // Scope guards put their markers into the functions that use them, and have no use themselves.
  AlwaysInlinerPass(/*InsertLifetime=*/false).run(M, AM);
  bool Any = false;
  for (Function& F : M)
    if (!F.isDeclaration() && !F.hasFnAttribute(Attribute::AlwaysInline) && hasMarkers(F))
      Any |= lowerMarkers(F);
  if (Any && !BELAY_MUTANT(memory_not_hidden)) hideMemory(M);
  return PreservedAnalyses::none();
}

}  // namespace belay
