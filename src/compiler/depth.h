// In how many regions of its own a function is at each point: a forward dataflow over its markers.
#pragma once

#include <llvm/ADT/DenseMap.h>
#include <llvm/IR/Function.h>

namespace belay {

// A set of possible depths, a bit each. In a function that has no markers: depth 0.
using DepthSet = uint32_t;
constexpr unsigned kDepthMax = 31;
constexpr DepthSet kOutside = 1;

inline bool mayBeInside(DepthSet Set) { return (Set & ~kOutside) != 0; }
inline bool mayBeOutside(DepthSet Set) { return (Set & kOutside) != 0; }

class RegionDepth {
 public:
  explicit RegionDepth(llvm::Function& F);

  // At the beginning of a block; 0 if it is not reached.
  DepthSet at(const llvm::BasicBlock* Block) const { return Begin.lookup(Block); }

  // The set behind I, given the one before it.
  DepthSet after(const llvm::Instruction& I, DepthSet Before) const;

  // How many regions of the function are open where Start is reached: the least number, if control
  // may also come there by an exception that left a region. What lowers it checks that.
  unsigned levelOf(const llvm::Instruction& Start) const { return Levels.lookup(&Start); }

  static bool isStart(const llvm::Instruction& I);
  static bool isStop(const llvm::Instruction& I);

 private:
  void findLevels(llvm::Function& F);
  void findSets(llvm::Function& F);

  llvm::DenseMap<const llvm::Instruction*, unsigned> Levels;
  llvm::DenseMap<const llvm::BasicBlock*, DepthSet> Begin;
};

bool hasMarkers(const llvm::Function& F);

}  // namespace belay
