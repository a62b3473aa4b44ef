// Belay's state that is captured and comes back with the program. Zero-initialised data of the
// library; what is rebuilt after a restore is in Engine, in exempt memory.
#pragma once

#include <belay/checkpoint_restore.h>

#include <cstdint>

#include "base/error.h"
#include "checkpoint/config.h"
#include "files/descriptors.h"

namespace belay {

struct Shared {
  Config config;
  BuildIdentity identity;
  GivenDescriptors given;
  int lock_fd = -1;
  bool active = false;     // crinit() has succeeded in this very process (not in a fork of it)
  bool preloaded = false;  // by `belay run`: crinit() is done before main

  // Futex words. A request is a number; the helper serves all up to `requests` at once.
  uint32_t requests = 0;
  uint32_t completed = 0;
  uint32_t restores = 0;      // how often this process has come back
  uint32_t restore_gate = 0;  // 1 lets restored threads go on
  uint32_t arrived = 0;       // restored threads at or past the gate

  int last_code = 0;  // 0, or errno of the last checkpoint
  Error last_error;

  // The next checkpoint is to be kept under this name, and whether it was.
  bool keep_next = false;
  char keep_as[64] = {};
  int kept_code = 0;
  Error kept_error;
  struct crstats stats = {};
};

extern Shared g_shared;

}  // namespace belay
