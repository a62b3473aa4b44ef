#include "compiler/redundant_logs.h"

#include <llvm/ADT/BitVector.h>
#include <llvm/ADT/PostOrderIterator.h>
#include <llvm/ADT/Statistic.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/Support/CommandLine.h>

#include "compiler/address_numbers.h"
#include "compiler/depth.h"
#include "compiler/hooks.h"
#include "region/mutant.h"

#define DEBUG_TYPE "belay"

using namespace llvm;

STATISTIC(NumRedundant, "Log appends removed: an earlier one saved the same bytes");
STATISTIC(NumPromoted, "Log appends put in front of several others");

static cl::opt<bool> NoRedundant("belay-no-redundant", cl::Hidden,
                                 cl::desc("Log bytes again that the region has logged before"));
static cl::opt<bool> NoPromotion("belay-no-promotion", cl::Hidden,
                                 cl::desc("Leave each log where its write is"));

namespace belay {

namespace {

// More logs than this in one function are left alone: two bits of each in every block.
constexpr size_t kLogsMax = 8192;

struct Log {
  CallInst* Call;
  AddressNumbers::Place At;
  uint64_t Bytes;
  unsigned Fact;
};

// "These bytes have been logged", or "will be".
struct Fact {
  AddressNumbers::Place At;
  uint64_t Bytes;
};

bool covers(const Fact& Wide, const Fact& Narrow) {
  if (BELAY_MUTANT(narrow_covers_wide))
    return Wide.At.Number == Narrow.At.Number && Wide.At.Offset == Narrow.At.Offset;
  return Wide.At.Number == Narrow.At.Number && Wide.At.Offset <= Narrow.At.Offset &&
         Wide.At.Offset + static_cast<int64_t>(Wide.Bytes) >=
             Narrow.At.Offset + static_cast<int64_t>(Narrow.Bytes);
}

// How many bytes I logs for certain if it is in a region, or 0.
uint64_t bytesLogged(const Instruction& I) {
  for (auto [H, Bytes] : {std::pair(Hook::log_1, 1), std::pair(Hook::log_2, 2),
                          std::pair(Hook::log_4, 4), std::pair(Hook::log_8, 8)})
    if (isHookCall(I, H)) return Bytes;
  if (!isHookCall(I, Hook::log_bytes) && !isHookCall(I, Hook::log_first) &&
      !isHookCall(I, Hook::log_checked))
    return 0;
  auto* Bytes = dyn_cast<ConstantInt>(cast<CallBase>(I).getArgOperand(1));
  return Bytes ? Bytes->getZExtValue() : 0;
}

bool isLog(const Instruction& I) {
  return bytesLogged(I) != 0 || isHookCall(I, Hook::log_bytes) || isHookCall(I, Hook::log_first) ||
         isHookCall(I, Hook::log_checked) || isHookCall(I, Hook::log_if);
}

// Behind it, the region may be another one.
bool changesRegion(const Instruction& I) {
  if (RegionDepth::isStart(I) || RegionDepth::isStop(I)) return true;
  auto* Call = dyn_cast<CallBase>(&I);
  return Call && Call->hasFnAttr(Attribute::ReturnsTwice);
}

// A log from behind it may not go in front.
bool stopsPromotion(const Instruction& I) {
  if (isLog(I) || isHookCall(I, Hook::shadow_write) || isa<DbgInfoIntrinsic>(I)) return false;
  if (changesRegion(I) || I.isAtomic() || !isGuaranteedToTransferExecutionToSuccessor(&I))
    return true;
  auto* Call = dyn_cast<CallBase>(&I);
  return Call && Call->mayWriteToMemory() && !isa<AnyMemIntrinsic>(Call) &&
         !Call->onlyAccessesInaccessibleMemory() && !I.isLifetimeStartOrEnd();
}

class Remover {
 public:
  explicit Remover(Function& F) : F(F), Tree(F), Loops(Tree), Numbers(F.getDataLayout()) {
    for (BasicBlock* Block : ReversePostOrderTraversal<Function*>(&F)) Order.push_back(Block);
  }

  void run() {
    if (!findLogs()) return;
    if (!NoPromotion) {
      findExpected();
      promote();
    }
    findKnown();
    removeKnown();
  }

 private:
  struct Sets {
    BitVector KnownAtEnd;  // logged on every path to the end of the block
    BitVector Expected;    // from in front of its terminator, logged on every path
    BitVector ExpectedAtBegin;
  };

  bool findLogs();
  unsigned factOf(AddressNumbers::Place At, uint64_t Bytes);
  void findExpected();
  void promote();
  bool isWorthIt(const BasicBlock& Block, unsigned Number, const Log*& Like) const;
  void findKnown();
  BitVector knownAtBegin(BasicBlock& Block);
  void removeKnown();

  void stepForward(const Instruction& I, BitVector& Set) const;
  void stepBackward(const Instruction& I, BitVector& Set) const;

  Function& F;
  DominatorTree Tree;
  LoopInfo Loops;
  AddressNumbers Numbers;
  SmallVector<BasicBlock*> Order;                  // each behind those that lead to it, loops apart
  DenseMap<const BasicBlock*, unsigned> Position;  // in Order
  DenseMap<const BasicBlock*, Sets> Blocks;
  SmallVector<Log> Logs;  // in Order
  DenseMap<const Instruction*, unsigned> FactOfCall;
  std::vector<Fact> Facts;
  std::map<std::pair<AddressNumbers::Place, uint64_t>, unsigned> FactNumbers;
  std::vector<BitVector> Covered;  // by each fact, itself included
  DenseMap<const Instruction*, BitVector> FactsOfLeaf;
};

unsigned Remover::factOf(AddressNumbers::Place At, uint64_t Bytes) {
  auto [Found, IsNew] = FactNumbers.try_emplace({At, Bytes}, Facts.size());
  if (IsNew) Facts.push_back({At, Bytes});
  return Found->second;
}

// False if there is nothing to gain.
bool Remover::findLogs() {
  for (BasicBlock* Block : Order) {
    Position[Block] = Position.size();
    for (Instruction& I : *Block) {
      uint64_t Bytes = bytesLogged(I);
      if (Bytes == 0 || !isa<CallInst>(I)) continue;
      if (Logs.size() == kLogsMax) return false;
      auto& Call = cast<CallInst>(I);
      AddressNumbers::Place At = Numbers.placeOf(Call.getArgOperand(0));
      unsigned Fact = factOf(At, Bytes);
      Logs.push_back({&Call, At, Bytes, Fact});
      FactOfCall[&Call] = Fact;
    }
  }
  if (Logs.empty()) return false;
  size_t Count = Facts.size();
  Covered.assign(Count, BitVector(Count));
  std::map<unsigned, SmallVector<unsigned>> OfNumber;
  for (unsigned I = 0; I < Count; ++I) OfNumber[Facts[I].At.Number].push_back(I);
  for (auto& [Number, Same] : OfNumber) {
    for (unsigned Wide : Same)
      for (unsigned Narrow : Same)
        if (covers(Facts[Wide], Facts[Narrow])) Covered[Wide].set(Narrow);
    for (const Instruction* Leaf : Numbers.leavesOf(Number)) {
      BitVector& Set = FactsOfLeaf[Leaf];
      Set.resize(Count);
      for (unsigned Each : Same) Set.set(Each);
    }
  }
  return true;
}

// An address that a loop computes afresh needs no forgetting: what is known is so on every path,
// and one leads to its computation with nothing of it logged, the first.
void Remover::stepForward(const Instruction& I, BitVector& Set) const {
  if (changesRegion(I) && !BELAY_MUTANT(needless_for_ever)) Set.reset();
  auto Found = FactOfCall.find(&I);
  if (Found != FactOfCall.end()) Set |= Covered[Found->second];
}

void Remover::stepBackward(const Instruction& I, BitVector& Set) const {
  if (stopsPromotion(I) && !BELAY_MUTANT(promoted_past_all)) Set.reset();
  // In front of its computation there is no such address.
  if (auto Ends = FactsOfLeaf.find(&I); Ends != FactsOfLeaf.end()) Set.reset(Ends->second);
  auto Found = FactOfCall.find(&I);
  if (Found != FactOfCall.end()) Set |= Covered[Found->second];
}

// One pass upwards. What lies behind an edge back to an earlier block counts as nothing: a loop may
// never end, and then the log behind it never comes.
void Remover::findExpected() {
  for (BasicBlock* Block : reverse(Order)) {
    BitVector Set(Facts.size(), !succ_empty(Block));
    for (const BasicBlock* Next : successors(Block)) {
      if (Position[Next] <= Position[Block])
        Set.reset();
      else
        Set &= Blocks[Next].ExpectedAtBegin;
    }
    stepBackward(*Block->getTerminator(), Set);
    Blocks[Block].Expected = Set;
    for (const Instruction& I : reverse(*Block))
      if (!I.isTerminator()) stepBackward(I, Set);
    Blocks[Block].ExpectedAtBegin = std::move(Set);
  }
}

// Worth it in front of logs of which none comes before all others, or of one that a loop repeats.
// Like: what to put there. A checked log, if there is any: in front of those that know to be inside
// a region, and that no marker separates from Block, the code is inside too.
bool Remover::isWorthIt(const BasicBlock& Block, unsigned Number, const Log*& Like) const {
  const Log* First = nullptr;
  bool FirstLeads = true, AnyChecked = false;
  Like = nullptr;
  for (const Log& Each : Logs) {
    const BasicBlock* There = Each.Call->getParent();
    if (!Covered[Number].test(Each.Fact) && !Covered[Each.Fact].test(Number)) continue;
    if (!Tree.properlyDominates(&Block, There)) continue;
    bool IsChecked = isHookCall(*Each.Call, Hook::log_checked);
    AnyChecked |= IsChecked;
    if (Each.Fact == Number && (!Like || IsChecked)) Like = &Each;
    if (!Covered[Number].test(Each.Fact)) continue;
    if (!First)
      First = &Each;
    else
      FirstLeads &= Tree.dominates(First->Call, Each.Call);
  }
  if (!Like || (AnyChecked && !isHookCall(*Like->Call, Hook::log_checked))) return false;
  const Loop* Around = Loops.getLoopFor(First->Call->getParent());
  return !FirstLeads || (Around && !Around->contains(&Block));
}

void Remover::promote() {
  findKnown();
  // Wide ones first, since they make narrow ones needless; from the top of the tree, likewise.
  SmallVector<unsigned> Numbered(Facts.size());
  for (unsigned I = 0; I < Facts.size(); ++I) Numbered[I] = I;
  stable_sort(Numbered, [&](unsigned A, unsigned B) { return Facts[A].Bytes > Facts[B].Bytes; });
  for (unsigned Number : Numbered) {
    SmallVector<BasicBlock*> Done;
    for (BasicBlock* Block : Order) {
      Sets& Here = Blocks[Block];
      if (!Here.Expected.test(Number) || Here.KnownAtEnd.test(Number)) continue;
      if (any_of(Done, [&](BasicBlock* Above) { return Tree.dominates(Above, Block); })) continue;
      const Log* Like;
      if (!isWorthIt(*Block, Number, Like)) continue;
      IRBuilder<> B(Block->getTerminator());
      B.SetCurrentDebugLocation(Like->Call->getDebugLoc());
      auto* Leading = cast<CallInst>(B.Insert(Like->Call->clone()));
      B.SetInsertPoint(Leading);
      Leading->setArgOperand(0, Numbers.materialize(B, Like->At));
      FactOfCall[Leading] = Number;
      Here.KnownAtEnd |= Covered[Number];
      Done.push_back(Block);
      ++NumPromoted;
    }
  }
}

BitVector Remover::knownAtBegin(BasicBlock& Block) {
  BitVector Set(Facts.size(), &Block != &F.getEntryBlock());
  for (BasicBlock* Before : predecessors(&Block)) {
    auto Found = Blocks.find(Before);
    if (Found != Blocks.end() && Position.count(Before)) Set &= Found->second.KnownAtEnd;
  }
  return Set;
}

void Remover::findKnown() {
  for (BasicBlock* Block : Order) {
    BitVector& Set = Blocks[Block].KnownAtEnd;
    Set.resize(Facts.size());
    Set.set();
  }
  for (bool Changed = true; Changed;) {
    Changed = false;
    for (BasicBlock* Block : Order) {
      BitVector Set = knownAtBegin(*Block);
      for (const Instruction& I : *Block) stepForward(I, Set);
      BitVector& Known = Blocks[Block].KnownAtEnd;
      if (Set == Known) continue;
      Known = std::move(Set);
      Changed = true;
    }
  }
}

void Remover::removeKnown() {
  SmallVector<Instruction*> Needless;
  for (BasicBlock* Block : Order) {
    BitVector Set = knownAtBegin(*Block);
    for (Instruction& I : *Block) {
      auto Found = FactOfCall.find(&I);
      if (Found != FactOfCall.end() && Set.test(Found->second)) Needless.push_back(&I);
      stepForward(I, Set);
    }
  }
  NumRedundant += Needless.size();
  for (Instruction* I : Needless) I->eraseFromParent();
}

}  // namespace

void removeRedundantLogs(Function& F) {
  bool Any = any_of(instructions(F), [](const Instruction& I) { return bytesLogged(I) != 0; });
  if (Any && !NoRedundant) Remover(F).run();
}

PreservedAnalyses RemoveRedundantLogs::run(Function& F, FunctionAnalysisManager&) {
  removeRedundantLogs(F);
  return PreservedAnalyses::none();
}

}  // namespace belay
