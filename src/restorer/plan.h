// What the restorer is told: system calls in order, then threads. Made by ordinary code; executed
// by code that survives the process it started in. Everything lives in one block of memory that
// nothing of the image overlaps.
#pragma once

#include <cstdint>

#include "context/resume.h"

namespace belay {

// One system call; the restorer stops the process with a message when its result is not
// `expected` (kAnyResult: any that is no error; kIgnoreResult: whatever).
struct RestoreCall {
  static constexpr long kAnyResult = -1000001, kIgnoreResult = -1000002;
  long number;
  long arguments[6];
  long expected;
};

struct RestoreThread {
  ResumeContext context;
  uint64_t fs_base, gs_base;
  uint64_t robust_list, robust_list_bytes;
  uint64_t clear_tid_address;
  uint64_t rseq_address;
  uint32_t rseq_bytes, rseq_signature;
  int32_t wanted_tid;  // 0: any
  uint32_t ended;      // only its id was left
  uint64_t stack_top;  // for the first instructions
  uint64_t pending_signals;
  char name[16];
};

// Handed to ProcessRecord::restored_entry on a thread of its own, in the process that has come
// back.
struct RestoredArguments {
  const void* self;                   // this, in the block
  uint64_t block_start, block_bytes;  // all of this, to be unmapped when the threads have left it
  uint64_t thread_count;              // that go on
  int32_t entry_alive;       // cleared by the kernel when the entry's thread has left the block
  int32_t ended_main_alive;  // likewise for a main thread that had ended
  uint64_t sequence;         // the store's newest
  uint32_t generation;       // where the restored checkpoint lies
  uint32_t segments;
  uint64_t end_offset, base_bytes;
  int32_t lock_fd;
  int32_t given_count;  // descriptors that are those of the process that restored
  int32_t given[64];
  int32_t store_fd;                // the generation file, open for reading
  const void* config;              // what the restoring process was told; the engine knows its type
  const void* lazy;                // a LazyFill (src/checkpoint/lazy_fill.h), or null
  const void* exempt_bookkeeping;  // null unless exempt memory of this process outlives it
  char crash_at[32];               // for tests: BELAY_CRASH_AT
};

struct RestorePlan {
  const RestoreCall* calls;
  uint64_t call_count;
  const RestoreThread* threads;  // [0] is main
  uint64_t thread_count;
  void (*restored_entry)(RestoredArguments*);
  RestoredArguments* arguments;
  uint64_t entry_stack_top, entry_fs_base;
  char message[160];  // what is printed, with the call's number put in, when a call fails
  uint64_t message_bytes, message_number_at;
};

}  // namespace belay
