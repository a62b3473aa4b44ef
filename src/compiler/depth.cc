#include "compiler/depth.h"

#include <llvm/ADT/SetVector.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/InstIterator.h>

#include "compiler/hooks.h"

using namespace llvm;

namespace belay {

// Both before and after mark_regions.cc has lowered the markers.
bool RegionDepth::isStart(const Instruction& I) {
  return isMarkerCall(I, Marker::start_ckpt) || isMarkerCall(I, Marker::start_ckpt_once) ||
         isHookCall(I, Hook::enter) || isHookCall(I, Hook::enter_rewindable);
}

bool RegionDepth::isStop(const Instruction& I) {
  return isMarkerCall(I, Marker::stop_ckpt) || isHookCall(I, Hook::leave);
}

DepthSet RegionDepth::after(const Instruction& I, DepthSet Before) const {
  if (isStart(I)) return DepthSet{2} << levelOf(I);
  if (!isStop(I)) return Before;
  // A stop outside is an error at run time, behind which there is nothing.
  return Before >> 1;
}

RegionDepth::RegionDepth(Function& F) {
  findLevels(F);
  findSets(F);
}

// The least depth at each block, by paths that stop what they start. It only sinks, to 0 at last.
void RegionDepth::findLevels(Function& F) {
  DenseMap<BasicBlock*, unsigned> Least;
  SetVector<BasicBlock*> Work;
  Least[&F.getEntryBlock()] = 0;
  Work.insert(&F.getEntryBlock());
  while (!Work.empty()) {
    BasicBlock* Block = Work.pop_back_val();
    unsigned Depth = Least[Block];
    for (Instruction& I : *Block) {
      if (isStart(I))
        Levels[&I] = std::min(Depth++, kDepthMax - 1);
      else if (isStop(I) && Depth > 0)
        --Depth;
    }
    for (BasicBlock* Next : successors(Block)) {
      auto [Known, IsNew] = Least.try_emplace(Next, Depth);
      if (!IsNew && Known->second <= Depth) continue;
      Known->second = Depth;
      Work.insert(Next);
    }
  }
}

void RegionDepth::findSets(Function& F) {
  SetVector<BasicBlock*> Work;
  Begin[&F.getEntryBlock()] = kOutside;
  Work.insert(&F.getEntryBlock());
  while (!Work.empty()) {
    BasicBlock* Block = Work.pop_back_val();
    DepthSet Set = Begin[Block];
    for (Instruction& I : *Block) Set = after(I, Set);
    for (BasicBlock* Next : successors(Block)) {
      DepthSet& Known = Begin[Next];
      if ((Known | Set) == Known) continue;
      Known |= Set;
      Work.insert(Next);
    }
  }
}

bool hasMarkers(const Function& F) {
  return any_of(instructions(F), [](const Instruction& I) {
    return RegionDepth::isStart(I) || RegionDepth::isStop(I);
  });
}

}  // namespace belay
