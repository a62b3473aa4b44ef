#include "compiler/lower_logs.h"

#include <llvm/ADT/SetVector.h>
#include <llvm/ADT/Statistic.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Transforms/Utils/LoopSimplify.h>
#include <llvm/Transforms/Utils/PromoteMemToReg.h>

#include "compiler/hooks.h"
#include "region/mutant.h"

#define DEBUG_TYPE "belay"

using namespace llvm;

STATISTIC(NumInline, "Log appends lowered to inline code");
STATISTIC(NumLoops, "Loops that keep the log's top in a register");

static cl::opt<bool> NoInline("belay-no-inline", cl::Hidden,
                              cl::desc("Call the runtime for every logged write"));
static cl::opt<bool> NoLoopTop("belay-no-loop-top", cl::Hidden,
                               cl::desc("Update the log's top in memory in each round of a loop"));
static cl::opt<bool> SignalSafe(
    "belay-signal-safe", cl::Hidden,
    cl::desc("Update the log's top in memory before each write: for programs whose signal handlers"
             " leave regions, by rewind_ckpt() or siglongjmp()"));

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

// Appends that no call comes between share one load and one update of the log's top, unless a
// signal handler may want to know it. Fewer bytes than the page behind the log, since nothing else
// checks its end.
constexpr unsigned kRunEntriesMax = 64;
constexpr uint64_t kEntryBytes = 16;  // sizeof(Entry)
constexpr unsigned kKindShift = 56;   // of Entry::tag

using Run = SmallVector<CallInst*>;

bool endsRun(const Instruction& I) {
  auto* Call = dyn_cast<CallBase>(&I);
  if (BELAY_MUTANT(run_across_calls)) return false;
  if (!Call || isHookCall(I, Hook::shadow_write)) return false;
  return !Call->doesNotThrow() || !(Call->onlyReadsMemory() || Call->onlyAccessesArgMemory() ||
                                    Call->onlyAccessesInaccessibleMemory());
}

Value* topOf(IRBuilder<>& B) {
  return B.CreateThreadLocalAddress(getLogTop(*B.GetInsertBlock()->getModule()));
}

// Copy: the local variable in which a loop keeps the log's top, if this is in one.
void lower(const Run& Logs, AllocaInst* Copy) {
  if (Logs.empty()) return;
  IRBuilder<> B(Logs.front());
  Value* Slot = Copy ? Copy : topOf(B);
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
    if (!SignalSafe && Log != Logs.back()) continue;
    if (Logs.size() > 1 && Log == Logs.back() && BELAY_MUTANT(run_loses_last)) continue;
    // Volatile: dead store elimination would leave the last one only.
    B.CreateStore(B.CreateConstInBoundsGEP1_64(B.getInt8Ty(), Begin, Offset), Slot, SignalSafe);
  }
  NumInline += Logs.size();
  for (CallInst* Log : Logs) Log->eraseFromParent();
}

void lower(BasicBlock& Block, AllocaInst* Copy) {
  Run Logs;
  for (Instruction& I : make_early_inc_range(Block)) {
    if (widthOf(I) != 0) {
      Logs.push_back(cast<CallInst>(&I));
      if (Logs.size() < kRunEntriesMax) continue;
    } else if (!endsRun(I)) {
      continue;
    }
    lower(Logs, Copy);
    Logs.clear();
  }
  lower(Logs, Copy);
}

// Nobody else looks at the log's top while L runs, and L appends.
bool mayKeepTop(const Loop& L) {
  bool Appends = false;
  for (const BasicBlock* Block : L.blocks()) {
    for (const Instruction& I : *Block) {
      if (widthOf(I) != 0)
        Appends = true;
      else if (endsRun(I))
        return false;
    }
  }
  return Appends;
}

// The variable, read in front of the loop and written back behind it; mem2reg makes it a register.
AllocaInst* keepTop(Loop& L) {
  BasicBlock& Entry = L.getHeader()->getParent()->getEntryBlock();
  IRBuilder<> B(&*Entry.getFirstInsertionPt());
  AllocaInst* Copy = B.CreateAlloca(B.getPtrTy(), nullptr, "belay.top");
  B.SetInsertPoint(L.getLoopPreheader()->getTerminator());
  B.CreateStore(B.CreateLoad(B.getPtrTy(), topOf(B)), Copy);
  SmallVector<BasicBlock*> Exits;
  L.getUniqueExitBlocks(Exits);
  for (BasicBlock* Exit : Exits) {
    B.SetInsertPoint(&*Exit->getFirstInsertionPt());
    if (BELAY_MUTANT(loop_top_lost)) continue;
    B.CreateStore(B.CreateLoad(B.getPtrTy(), Copy), topOf(B));
  }
  ++NumLoops;
  return Copy;
}

// The outermost loops that may.
void keepTops(Loop& L, LoopInfo& Loops, DominatorTree& Tree,
              DenseMap<const BasicBlock*, AllocaInst*>& Copies) {
  if (!mayKeepTop(L)) {
    for (Loop* Inner : SmallVector<Loop*>(L.begin(), L.end()))
      keepTops(*Inner, Loops, Tree, Copies);
    return;
  }
  simplifyLoop(&L, &Tree, &Loops, nullptr, nullptr, nullptr, /*PreserveLCSSA=*/false);
  if (!L.getLoopPreheader() || !L.hasDedicatedExits()) return;
  AllocaInst* Copy = keepTop(L);
  for (const BasicBlock* Block : L.blocks()) Copies[Block] = Copy;
}

}  // namespace

PreservedAnalyses LowerLogs::run(Function& F, FunctionAnalysisManager&) {
  if (NoInline || F.isDeclaration()) return PreservedAnalyses::all();
  bool Any = any_of(instructions(F), [](const Instruction& I) { return widthOf(I) != 0; });
  if (!Any) return PreservedAnalyses::all();
  DominatorTree Tree(F);
  LoopInfo Loops(Tree);
  DenseMap<const BasicBlock*, AllocaInst*> Copies;
  if (!NoLoopTop && !SignalSafe)
    for (Loop* L : SmallVector<Loop*>(Loops.begin(), Loops.end()))
      keepTops(*L, Loops, Tree, Copies);
  SetVector<AllocaInst*> Variables;
  for (BasicBlock& Block : F) {
    AllocaInst* Copy = Copies.lookup(&Block);
    lower(Block, Copy);
    if (Copy) Variables.insert(Copy);
  }
  Tree.recalculate(F);
  PromoteMemToReg(Variables.getArrayRef(), Tree);
  return PreservedAnalyses::none();
}

}  // namespace belay
