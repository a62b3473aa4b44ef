// What a region does to the world outside memory: how to undo it, or what waits for the commit.
#pragma once

#include "region/thread_state.h"

namespace belay::region {

// Run in the opposite order when the region is rolled back, forgotten by the outermost commit.
void on_rollback(void (*run)(void*), void* argument);
// The same, but before memory is put back, which needs it.
void before_rollback(void (*run)(void*), void* argument);
// Run in order when the outermost region commits, forgotten by a rollback; outside a region at
// once.
void on_commit(void (*run)(void*), void* argument);

// The same for both: `run` undoes, and a commit gives the block `note` up.
void on_rollback_only(void (*run)(void*), void* note);
// What this region would do, with this argument, is not done. Returns whether there was something.
bool cancel_action(void (*run)(void*), const void* argument);

// Before memory is put back, and after it is as it was.
void prepare_rollback(const Region& region);
void undo_actions(const Region& region);
void commit_actions();

}  // namespace belay::region
