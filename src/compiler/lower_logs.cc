#include "compiler/lower_logs.h"

#include <llvm/ADT/Statistic.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/Support/CommandLine.h>

#include "compiler/hooks.h"
#include "region/mutant.h"

#define DEBUG_TYPE "belay"

using namespace llvm;

STATISTIC(NumInline, "Log appends lowered to inline code");

static cl::opt<bool> NoInline("belay-no-inline", cl::Hidden,
                              cl::desc("Call the runtime for every logged write"));

namespace belay {

namespace {

// The width in bytes of what I logs by a scalar hook, or 0.
unsigned widthOf(const Instruction& I) {
  return isHookCall(I, Hook::log_1)   ? 1
         : isHookCall(I, Hook::log_2) ? 2
         : isHookCall(I, Hook::log_4) ? 4
         : isHookCall(I, Hook::log_8) ? 8
                                      : 0;
}

// Appends that no call comes between share one load and one update of the log's top. Fewer bytes
// than the page behind the log, since nothing else checks its end.
constexpr unsigned kRunEntriesMax = 64;
constexpr uint64_t kEntryBytes = 16;  // sizeof(Entry)
constexpr unsigned kKindShift = 56;   // of Entry::tag

using Run = SmallVector<CallInst*>;

bool endsRun(const Instruction& I) {
  auto* Call = dyn_cast<CallBase>(&I);
  if (BELAY_MUTANT(run_across_calls)) return false;
  if (!Call) return false;
  return !Call->doesNotThrow() || !(Call->onlyReadsMemory() || Call->onlyAccessesArgMemory() ||
                                    Call->onlyAccessesInaccessibleMemory());
}

void lower(const Run& Logs) {
  if (Logs.empty()) return;
  Module& M = *Logs.front()->getModule();
  GlobalVariable* Top = getLogTop(M);
  IRBuilder<> B(Logs.front());
  Value* Slot = B.CreateThreadLocalAddress(Top);
  Value* Begin = B.CreateLoad(B.getPtrTy(), Slot);
  uint64_t Offset = 0;
  for (CallInst* Log : Logs) {
    B.SetInsertPoint(Log);
    Value* Address = Log->getArgOperand(0);
    uint64_t Width = widthOf(*Log);
    Value* Old = B.CreateAlignedLoad(B.getIntNTy(Width * 8), Address, Align(1));
    Value* Entry = B.CreateConstInBoundsGEP1_64(B.getInt8Ty(), Begin, Offset);
    B.CreateStore(B.CreateZExt(Old, B.getInt64Ty()), Entry);
    Value* Tag = B.CreateOr(B.CreatePtrToInt(Address, B.getInt64Ty()), Width << kKindShift);
    B.CreateStore(Tag, B.CreateConstInBoundsGEP1_64(B.getInt8Ty(), Begin, Offset + 8));
    Offset += kEntryBytes;
  }
  if (Logs.size() > 1 && BELAY_MUTANT(run_loses_last)) Offset -= kEntryBytes;
  B.CreateStore(B.CreateConstInBoundsGEP1_64(B.getInt8Ty(), Begin, Offset), Slot);
  NumInline += Logs.size();
  for (CallInst* Log : Logs) Log->eraseFromParent();
}

void lower(BasicBlock& Block) {
  Run Logs;
  for (Instruction& I : make_early_inc_range(Block)) {
    if (widthOf(I) != 0) {
      Logs.push_back(cast<CallInst>(&I));
      if (Logs.size() < kRunEntriesMax) continue;
    } else if (!endsRun(I)) {
      continue;
    }
    lower(Logs);
    Logs.clear();
  }
  lower(Logs);
}

}  // namespace

PreservedAnalyses LowerLogs::run(Function& F, FunctionAnalysisManager&) {
  if (NoInline) return PreservedAnalyses::all();
  for (BasicBlock& Block : F) lower(Block);
  return PreservedAnalyses::none();
}

}  // namespace belay
