// RE 1 of Zhao's thesis: one leading backup where several would save the same bytes.
#pragma once

#include <llvm/IR/PassManager.h>

namespace belay {

// Calls of the log hooks that an earlier one makes needless are removed. Where all paths onwards
// log an address, but none of the logs comes before the others, one that does is put in front: at a
// branch for both of its sides, and before a loop for all of its rounds.
//
// An earlier log makes a later one needless if it saved as many bytes or more of the same address
// in the same region. So a region that begins, ends or is rewound in the function forgets all;
// those that callees begin end there too, and what they undo is younger than the leading log.
//
// A log may move up if its address is certain to be logged from there, so that it can be read; and
// past nothing that may write there without a log (a kept function, another thread behind a lock),
// since a rollback would undo that as well.
class RemoveRedundantLogs : public llvm::PassInfoMixin<RemoveRedundantLogs> {
 public:
  llvm::PreservedAnalyses run(llvm::Function& F, llvm::FunctionAnalysisManager&);
  static bool isRequired() { return true; }
};

void removeRedundantLogs(llvm::Function& F);

}  // namespace belay
