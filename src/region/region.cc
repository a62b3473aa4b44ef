// Regions begin and end.
#include <cerrno>
#include <cstdlib>

#include "region/actions.h"
#include "region/exceptions.h"
#include "region/exits.h"
#include "region/heap_blocks.h"
#include "region/mutant.h"
#include "region/output.h"
#include "region/races.h"
#include "region/settings.h"
#include "region/shadow.h"
#include "region/thread_state.h"
#include "region/undo.h"

namespace belay::region {

namespace {

Region& push_region(const void* frame, const void* code) {
  Thread& thread = this_thread;
  if (!thread.open) open_thread();
  if (__belay_depth == 0) __belay_log_top = thread.log_base;  // drops what was logged outside
  Region& region = *thread.regions.grow(1);
  region.log_top = static_cast<std::byte*>(__belay_log_top);
  region.births = thread.births.size();
  region.deaths = thread.deaths.size();
  region.output_bytes = thread.output.size();
  region.exceptions = thread.exceptions.size();
  region.exception_refs = thread.exception_refs.size();
  region.exits = thread.exits.size();
  region.shadow_bytes = thread.shadow.size();
  region.actions = thread.actions.size();
  region.frame = static_cast<const std::byte*>(frame);
  region.hash_epoch = thread.hash_epoch;
  region.begun_at = code;
  region.rewindable = region.forked = false;
  region.saved_errno = errno;
  thread.hash_epoch = ++thread.hash_epoch_last;
  thread.statistics.regions++;
  if (races_watched) begin_watched(thread, region);
  __belay_depth++;
  return region;
}

void count_log(Thread& thread, const Region& region) {
  size_t bytes = static_cast<size_t>(static_cast<std::byte*>(__belay_log_top) - region.log_top);
  size_t all = static_cast<size_t>(static_cast<std::byte*>(__belay_log_top) - thread.log_base);
  thread.statistics.log_bytes += bytes;
  if (all > thread.statistics.log_bytes_max) thread.statistics.log_bytes_max = all;
}

// Below the frames of what was called from the region.
const std::byte* stack_low_of(const Thread& thread, const Region& region) {
  // On a stack that is not the thread's own (makecontext, an alternate one), its extent is unknown:
  // what was called from the region is assumed not to reach deeper than this.
  constexpr size_t kForeignStackBytes = size_t{64} << 10;
  const std::byte* low = thread.stack_low;
  return low == nullptr || region.frame < low ? region.frame - kForeignStackBytes : low;
}

// Memory, heap, output and errno are again as at the region's start.
void roll_back(Thread& thread, const Region& region) {
  const std::byte* low = stack_low_of(thread, region);
  prepare_rollback(region);
  if (races_watched) check_races(thread, region, low);
  spare_exceptions(region);
  undo(region.log_top, low, region.frame);
  compare_with_shadow(region, low);
  if (!BELAY_MUTANT(free_survives_rollback)) thread.deaths.truncate(region.deaths);
  if (!BELAY_MUTANT(output_not_dropped)) thread.output.truncate(region.output_bytes);
  thread.exits.truncate(region.exits);
  undo_actions(region);
  errno = region.saved_errno;
}

void commit(Thread& thread) {
  thread.statistics.commits++;
  // All of it belongs to the region around now.
  if (__belay_depth > 0 && !BELAY_MUTANT(inner_commit_drops_log)) {
    if (thread.regions.back().forked) write_output();
    return;
  }
  __belay_log_top = thread.log_base;
  thread.shadow.truncate(0);
  thread.births.truncate(0);
  register_exits();
  commit_exceptions();
  write_output();
  commit_actions();
  release_deaths();
}

int pop_region(int rollback) {
  Thread& thread = this_thread;
  if (__belay_depth == 0) fatal("stop_ckpt() without a start_ckpt() before it on this thread");
  Region& region = thread.regions.back();
  count_log(thread, region);
  thread.hash_epoch = region.hash_epoch;
  if (rollback) {
    roll_back(thread, region);
    thread.statistics.rollbacks++;
  }
  if (races_watched && __belay_depth == 1) {
    if (!rollback) check_races(thread, region, stack_low_of(thread, region));
    end_watched(thread);
  }
  const Region ended = region;  // settling may run regions
  thread.regions.truncate(thread.regions.size() - 1);
  __belay_depth--;
  if (rollback)
    settle_exceptions(ended);
  else
    commit(thread);
  return rollback != 0;
}

}  // namespace

Void __belay_enter() { push_region(__builtin_dwarf_cfa(), __builtin_return_address(0)); }

Ptr __belay_enter_rewindable() {
  Region& region = push_region(__builtin_dwarf_cfa(), __builtin_return_address(0));
  region.rewindable = true;
  region.handler = innermost_handler();
  return region.resume;
}

Int __belay_leave(Int rollback) { return pop_region(rollback); }

Void __belay_check_left(Int depth) {
  if (__belay_depth <= depth) return;
  report("a function returns in a region that it has begun; call stop_ckpt() before");
  report_callers();
  abort();
}

// Reached only if a guard believes to be open that is not.
Void __belay_misplaced_stop() { fatal("stop_ckpt() where the function has no region open"); }

Void __belay_unwind(Int depth) {
  while (__belay_depth > depth) pop_region(1);
}

// A longjmp that leaves regions rolls them back, as an exception does.
Void __belay_landed(Int depth) {
  if (__belay_depth < depth) fatal("longjmp() back into a region that has ended");
  __belay_unwind(depth);
}

Void __belay_pin(Ptr) {}

}  // namespace belay::region

using namespace belay::region;

BELAY_EXPORT void belay_start_ckpt() noexcept {
  push_region(__builtin_dwarf_cfa(), __builtin_return_address(0));
}
BELAY_EXPORT void belay_start_ckpt_once() noexcept {
  push_region(__builtin_dwarf_cfa(), __builtin_return_address(0));
}
BELAY_EXPORT void belay_stop_ckpt(int rollback) noexcept { pop_region(rollback); }

BELAY_EXPORT void belay_rewind_ckpt() noexcept {
  Thread& thread = this_thread;
  if (__belay_depth == 0) fatal("rewind_ckpt() outside a region");
  Region& region = thread.regions.back();
  if (!region.rewindable)
    fatal(
        "rewind_ckpt() in a region that was begun without: by start_ckpt_once(), or in a file"
        " that belay-cc did not compile");
  // Handlers that the rewind leaves will not end themselves.
  while (innermost_handler() != region.handler) end_handler();
  count_log(thread, region);
  roll_back(thread, region);
  settle_exceptions(region);
  thread.hash_epoch = ++thread.hash_epoch_last;
  thread.statistics.rewinds++;
  if (races_watched) begin_watched(thread, region);
  _longjmp(region.resume, 1);
}

BELAY_EXPORT int belay_ckpt_depth() noexcept { return __belay_depth; }

BELAY_EXPORT size_t belay_ckpt_log_bytes() noexcept {
  if (!in_region()) return 0;
  return static_cast<size_t>(static_cast<std::byte*>(__belay_log_top) - this_thread.log_base);
}

BELAY_EXPORT void belay_ckpt_statistics(ckpt_statistics* out) noexcept {
  *out = this_thread.statistics;
}

BELAY_EXPORT int belay_ckpt_configure(const ckpt_attr* attr) noexcept {
  return in_region() ? EBUSY : change_settings(*attr);
}

BELAY_EXPORT void belay_ckpt_trim() noexcept {
  Thread& thread = this_thread;
  if (in_region() || !thread.open) return;
  madvise(thread.log_base, static_cast<size_t>(thread.log_end - thread.log_base), MADV_DONTNEED);
}
