// Debug mode (BELAY_CKPT_RACES): reports bytes that regions of two threads write while both are
// open. A rollback of one would undo what the other wrote, whatever locks or atomics say.
//
// A region hands in its log when it ends, and meets there what regions of other threads logged that
// have ended since it began. So each pair that overlaps is compared once, by the one that ends
// last, at no cost to the code that logs.
#pragma once

#include "region/thread_state.h"

namespace belay::region {

// Fixed at the process's first region.
extern bool races_watched;

// A thread's first region, or the first after rewind_ckpt(), begins.
void begin_watched(Thread& thread, Region& region);

// `region`, of which `mark` is where the log began, ends. Stack from `stack_low` to region.frame is
// the thread's own affair.
void check_races(Thread& thread, const Region& region, const std::byte* stack_low);

// The thread has left its outermost region.
void end_watched(Thread& thread);

// `bytes` at `block` are new memory: what has been written there before it was given up is no race.
void forget_writes(const void* block, size_t bytes);

// The entry that ends at the log's top was logged for a write at `code`.
void note_place(const void* code);
inline void note_write(const void* code) {
  if (__builtin_expect(races_watched, false)) note_place(code);
}

}  // namespace belay::region
