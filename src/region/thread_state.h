// What the runtime knows of a thread: its regions, and what they would have to undo.
#pragma once

#include <belay/region.h>

#include <csetjmp>
#include <cstddef>
#include <cstdint>

#include "region/hooks.h"
#include "region/reserved_stack.h"

namespace belay::region {

enum class Release : uint32_t {
  kFree,
  kDelete,
  kDeleteArray,
  kDeleteAligned,
  kDeleteArrayAligned,
  kException,  // __cxa_free_exception
  kText,       // a reference to the text of a std::logic_error or runtime_error
};

// A heap block that a region asked for, or gave up.
struct Block {
  void* address;
  Release how;
  uint16_t alignment_log2;
  bool spared;  // by the rollback at hand: an exception that leaves the region owns it
};

// A C++ exception that a region has made (exceptions.h).
struct Exception {
  void* object;
  size_t bytes;
  size_t births_begin, births_end;  // that were allocated while it was made
  std::byte *log_begin, *log_end;   // and what was logged
  enum State : uint32_t { kMaking, kThrown, kDead } state;
};

// A reference to an exception, which the C++ runtime counts.
struct ExceptionRef {
  void* object;
  // Taken by a std::exception_ptr; given up by one, or by a handler that has ended; and a note, no
  // reference, that std::rethrow_exception() has led to a handler that has not ended.
  enum Kind : uint32_t { kAdded, kPointer, kHandler, kRethrown } kind;
  bool is_given_up() const { return kind == kPointer || kind == kHandler; }
};

// A destructor that is to run at the end of the program, or of the thread.
struct Exit {
  void (*function)(void*);
  void* argument;
  void* object;  // the shared object that asks
  bool of_thread;
};

// To be run at a commit, or at a rollback (actions.h).
struct Action {
  void (*run)(void*);
  void* argument;
  enum When : unsigned char { kBeforeMemory, kRollback, kCommit } when;
};

// Where something was written: for the report of races only.
struct Place {
  const void* region;        // where the region was begun
  const void* code;          // behind the call that logged, if known
  const std::byte* log_top;  // behind what it logged
};

// Where everything was when a region began.
struct Region {
  std::byte* log_top;
  size_t births, deaths, output_bytes, exceptions, exception_refs, exits, shadow_bytes, actions;
  const std::byte* frame;  // the stack pointer at the start: below are frames of what was called
  uint64_t hash_epoch;
  const void* begun_at;  // in code
  uint64_t began;        // in races.cc's time, if races are watched
  int saved_errno;
  bool rewindable;
  bool forked;    // began in another process, which alone says how it ends
  void* handler;  // the innermost one of the C++ runtime, if rewindable
  jmp_buf resume;
};

struct Thread {
  bool open;
  std::byte *log_base, *log_end;
  const std::byte* stack_low;  // of the thread's stack
  uint64_t hash_epoch, hash_epoch_last;
  ReservedStack<Region> regions;
  ReservedStack<Block> births;  // given by malloc in a region: a rollback releases them
  ReservedStack<Block> deaths;  // freed in a region: a commit releases them
  ReservedStack<char> output;   // waiting for the commit (output.cc)
  ReservedStack<Exception> exceptions;
  ReservedStack<ExceptionRef> exception_refs;
  ReservedStack<Exit> exits;
  ReservedStack<char> shadow;  // opened by its first use (shadow.cc)
  ReservedStack<Action> actions;
  ReservedStack<Place> places;  // of entries in the log, if races are watched
  uint64_t open_since;          // when the outermost region began, likewise
  Thread* next_open;
  ckpt_statistics statistics;
};

inline constexpr size_t kRegionsMax = 4096;
inline constexpr size_t kBlocksMax = size_t{1} << 28;
inline constexpr size_t kExceptionsMax = size_t{1} << 26;
inline constexpr size_t kPlacesMax = size_t{1} << 30;
inline constexpr size_t kExitsMax = size_t{1} << 20;
inline constexpr size_t kActionsMax = size_t{1} << 28;
inline constexpr size_t kOutputBytesMax = size_t{1} << 32;

extern thread_local BELAY_TLS Thread this_thread;

// Reserves the log and the stacks, at the thread's first region.
void open_thread();

inline bool in_region() { return __belay_depth > 0; }

}  // namespace belay::region
