#include "compiler/label_addresses.h"

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/ADT/Statistic.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>

#define DEBUG_TYPE "belay"

using namespace llvm;

STATISTIC(NumGotos, "Computed gotos made switches");

namespace belay {

namespace {

using Numbers = DenseMap<BasicBlock*, ConstantInt*>;

// From one on: a null pointer is no label.
Numbers numberBlocks(Function& F) {
  Numbers Found;
  Type* Word = F.getParent()->getDataLayout().getIntPtrType(F.getContext());
  for (BasicBlock& Block : F) {
    BlockAddress* Address = Block.hasAddressTaken() ? BlockAddress::lookup(&Block) : nullptr;
    if (!Address) continue;
    auto* Number = cast<ConstantInt>(ConstantInt::get(Word, Found.size() + 1));
    Found[&Block] = Number;
    Address->replaceAllUsesWith(ConstantExpr::getIntToPtr(Number, Address->getType()));
    Address->destroyConstant();
  }
  return Found;
}

void makeSwitch(IndirectBrInst& Goto, const Numbers& Known) {
  BasicBlock* Here = Goto.getParent();
  Function& F = *Here->getParent();
  BasicBlock* Nowhere = BasicBlock::Create(F.getContext(), "nowhere", &F);
  new UnreachableInst(F.getContext(), Nowhere);
  IRBuilder<> B(&Goto);
  Type* Word = F.getParent()->getDataLayout().getIntPtrType(F.getContext());
  SwitchInst* Switch = B.CreateSwitch(B.CreatePtrToInt(Goto.getAddress(), Word), Nowhere);
  SmallPtrSet<BasicBlock*, 16> Seen;
  for (unsigned I = 0; I < Goto.getNumDestinations(); ++I) {
    BasicBlock* To = Goto.getDestination(I);
    auto Number = Known.find(To);
    if (Number != Known.end() && Seen.insert(To).second)
      Switch->addCase(Number->second, To);
    else
      To->removePredecessor(Here, /*KeepOneInputPHIs=*/true);
  }
  Goto.eraseFromParent();
  ++NumGotos;
}

}  // namespace

void numberLabels(Module& M) {
  for (Function& F : M) {
    SmallVector<IndirectBrInst*> Gotos;
    for (BasicBlock& Block : F)
      if (auto* Goto = dyn_cast_or_null<IndirectBrInst>(Block.getTerminator()))
        Gotos.push_back(Goto);
    if (Gotos.empty()) continue;
    const Numbers Known = numberBlocks(F);
    for (IndirectBrInst* Goto : Gotos) makeSwitch(*Goto, Known);
  }
}

}  // namespace belay
