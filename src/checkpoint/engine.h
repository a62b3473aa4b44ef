// The helper: one thread that the program does not see, which takes checkpoints. Everything on it
// follows the rules of base/raw_thread.h.
#pragma once

#include <belay/checkpoint_restore.h>

#include <cstdint>
#include <span>

#include "base/error.h"
#include "base/raw_thread.h"
#include "context/thread_stop.h"
#include "image/description.h"
#include "memory/dirty.h"
#include "memory/exempt.h"
#include "memory/mappings.h"
#include "memory/page_reader.h"
#include "memory/page_sums.h"
#include "restorer/plan.h"
#include "store/writer.h"

namespace belay {

struct ProcessFacts;

constexpr size_t kOwnFdsMax = 8;

// In exempt memory, made anew in every process.
struct Engine {
  ExemptZone zone;
  DirtyTracker tracker;
  CheckpointWriter writer;
  StorePosition position;
  ThreadStopper stopper;
  RawThread helper;
  MappingTableMemory mapping_memory;
  std::span<std::byte> description_memory;
  std::span<PageRun> runs;  // what a scan finds
  std::span<PageRun> kept;  // which pages the image holds, as of the last checkpoint
  size_t kept_count = 0;
  std::span<PageRun> offered;    // what the rounds of this checkpoint have copied
  std::span<std::byte> chunk;    // for pages copied while the program runs: fits the L2 cache
  std::span<std::byte> residue;  // for pages copied while it stands still
  int own_fds[kOwnFdsMax];
  size_t own_fd_count = 0;
  PageReader pages;
  PageSums sums;  // used where the tracker has to compare
  ProcessFacts* facts = nullptr;
  bool next_is_full = true;
  bool restored = false;
  uint32_t quit = 0;
  RestoredArguments restored_from;
};

extern Engine* g_engine;

// Starts the engine in this process. `position`: the store's newest good checkpoint.
Status start_engine(const StorePosition& position);

// ProcessRecord::restored_entry: starts it in a process that has come back.
void start_engine_restored(RestoredArguments* arguments);

// Takes one checkpoint, on the helper. The program runs on whatever happens.
Status take_checkpoint(Engine& engine);

// Ends the helper and its files; the program stays. For a process that is about to be replaced.
void stop_engine();

// Called by each restored thread on itself: for what must know its id (see thread_ids.cc).
void note_thread_id();

// Asks the helper for a checkpoint; returns the request's number. Async-signal-safe.
uint32_t request_checkpoint();

// Runs the functions registered for `event`, and returns when they are done. On the helper.
void run_events(cr_event event);
// After fork(), in the child, which is not checkpointed.
void leave_engine_in_child();

}  // namespace belay
