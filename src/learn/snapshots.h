// au_checkpoint() and au_restore(): when the program's state is taken, and by what.
#pragma once

#include "base/error.h"
#include "belay/autonomize.h"

namespace belay {

// Both outlive a rollback: where they live is model memory.
class Snapshots {
 public:
  Snapshots();

  // pre: take and go_back are set.
  void use(const belay_au_snapshots& snapshots) {
    driver_ = snapshots;
    knows_itself_ = true;
  }

  // As au_checkpoint(): 0 not asked for, 1 taken, 2 back here.
  Result<int> checkpoint();
  // As au_restore(): returns only to fail, with ENOENT when none has been taken.
  Status restore();

 private:
  belay_au_snapshots driver_;
  uint64_t savepoint_ = 0;  // the default driver's latest
  bool taken_ = false;
  bool knows_itself_ = false;  // the driver is the one to say whether any has been taken
};

}  // namespace belay
