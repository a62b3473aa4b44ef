#include "compiler/mark_regions.h"

#include <llvm/ADT/Statistic.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>

#include "compiler/depth.h"
#include "compiler/hide_memory.h"
#include "compiler/hooks.h"
#include "compiler/keep.h"
#include "compiler/shadow_locals.h"

#define DEBUG_TYPE "belay"

using namespace llvm;

STATISTIC(NumStarts, "Regions begun in the source");

static cl::opt<bool> NoRewind("belay-no-rewind", cl::Hidden,
                              cl::desc("start_ckpt() saves no registers: no rewind_ckpt()"));

namespace belay {

namespace {

void reportError(const Instruction &At, const Twine &What) {
  const Function &F = *At.getFunction();
  F.getContext().diagnose(
      DiagnosticInfoUnsupported(F, "belay: " + What, At.getDebugLoc(), DS_Error));
}

// The second of the two values that setjmp returns says that control has come back.
void lowerStart(CallBase &Start, unsigned Depth, ShadowLocals &Locals) {
  Module &M = *Start.getModule();
  IRBuilder<> B(&Start);
  Locals.save(B, Depth);
  if (isMarkerCall(Start, Marker::start_ckpt_once) || NoRewind) {
    B.CreateCall(getHook(M, Hook::enter));
  } else {
    Value *Buffer = B.CreateCall(getHook(M, Hook::enter_rewindable));
    FunctionCallee SetJmp = M.getOrInsertFunction("_setjmp", B.getInt32Ty(), B.getPtrTy());
    cast<Function>(SetJmp.getCallee())->addFnAttr(Attribute::ReturnsTwice);
    B.CreateCall(SetJmp, Buffer)->addFnAttr(Attribute::ReturnsTwice);
    Locals.putBack(B, Depth);
  }
  Start.eraseFromParent();
}

void lowerStop(CallBase &Stop, unsigned Depth, ShadowLocals &Locals) {
  IRBuilder<> B(&Stop);
  Value *RolledBack =
      B.CreateCall(getHook(*Stop.getModule(), Hook::leave), Stop.getArgOperand(0));
  Locals.putBackIf(RolledBack, &Stop, Depth);
  Stop.eraseFromParent();
}

// start_ckpt() is noexcept in C++ and a plain function in C: a call, never an invoke.
struct Found {
  CallInst *Call;
  DepthSet Before;
};

bool findMarkers(Function &F, SmallVectorImpl<Found> &All) {
  RegionDepth Depth(F);
  for (BasicBlock &Block : F) {
    DepthSet Set = Depth.at(&Block);
    if (Set == 0) continue;
    for (Instruction &I : Block) {
      if (RegionDepth::isStart(I) || RegionDepth::isStop(I)) {
        auto *Call = dyn_cast<CallInst>(&I);
        if (!Call) return reportError(I, "a marker that may throw"), false;
        All.push_back({Call, Set});
      }
      Set = RegionDepth::after(I, Set);
    }
    if (isa<ReturnInst>(Block.getTerminator()) && mayBeInside(Set))
      return reportError(*Block.getTerminator(),
                         "the function returns in a region; call stop_ckpt() before"),
             false;
  }
  return true;
}

bool lowerMarkers(Function &F) {
  SmallVector<Found> All;
  if (!findMarkers(F, All)) return false;
  for (Found &Each : All) {
    DepthSet Inside = RegionDepth::isStop(*Each.Call) ? Each.Before & ~kOutside : Each.Before;
    if (!isPowerOf2_32(Inside)) {
      reportError(*Each.Call, Inside == 0 ? "stop_ckpt() without start_ckpt() in this function"
                                          : "reached from regions of different depth");
      return false;
    }
  }
  ShadowLocals Locals(F);
  for (Found &Each : All) {
    if (RegionDepth::isStart(*Each.Call)) {
      lowerStart(*Each.Call, Log2_32(Each.Before), Locals);
      ++NumStarts;
    } else {
      lowerStop(*Each.Call, Log2_32(Each.Before & ~kOutside) - 1, Locals);
    }
  }
  // Inlined, the caller's variables would become registers of the marker's function.
  F.removeFnAttr(Attribute::AlwaysInline);
  F.removeFnAttr(Attribute::InlineHint);
  F.addFnAttr(Attribute::NoInline);
  return true;
}

}  // namespace

PreservedAnalyses MarkRegions::run(Module &M, ModuleAnalysisManager &AM) {
  keepOutOfLine(M);
  if (none_of(M, hasMarkers)) return PreservedAnalyses::none();
  // Scope guards put their markers into the functions that use them.
  AlwaysInlinerPass(/*InsertLifetime=*/false).run(M, AM);
  bool Any = false;
  for (Function &F : M)
    if (!F.isDeclaration() && hasMarkers(F)) Any |= lowerMarkers(F);
  if (Any) hideMemory(M);
  return PreservedAnalyses::none();
}

}  // namespace belay
