#include "region/thread_state.h"

#include <pthread.h>

#include "region/external.h"
#include "region/guard.h"
#include "region/hash_filter.h"
#include "region/races.h"
#include "region/settings.h"

namespace belay::region {

thread_local BELAY_TLS Thread this_thread;
thread_local BELAY_TLS Ptr __belay_log_top = nullptr;
thread_local BELAY_TLS Int __belay_depth = 0;

namespace {

pthread_key_t end_of_thread;
pthread_once_t end_of_thread_once = PTHREAD_ONCE_INIT;

void close_thread(void*) {
  Thread& thread = this_thread;
  release(thread.log_base, static_cast<size_t>(thread.log_end - thread.log_base));
  thread.regions.close();
  thread.births.close();
  thread.deaths.close();
  thread.output.close();
  thread.exceptions.close();
  thread.exception_refs.close();
  thread.exits.close();
  thread.shadow.close();
  thread.actions.close();
  if (races_watched) {
    end_watched(thread);
    thread.places.close();
  }
  close_hash_filter();
  close_noted();
  thread = Thread{};
  __belay_log_top = nullptr;
}

// Half as much, until the process may have it: `ulimit -v`, strict overcommit.
void reserve_log(Thread& thread, size_t bytes) {
  constexpr size_t kLogBytesMin = size_t{1} << 16;
  for (; bytes >= kLogBytesMin; bytes /= 2) {
    if (std::byte* base = reserve(bytes)) {
      thread.log_base = base;
      thread.log_end = base + bytes;
      __belay_log_top = base;
      return;
    }
  }
  fatal("no address space for an undo log (limit: %zu bytes)", settings().log_bytes_max);
}

const std::byte* stack_low_of_this_thread() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return nullptr;
  void* low = nullptr;
  size_t bytes = 0;
  pthread_attr_getstack(&attributes, &low, &bytes);
  pthread_attr_destroy(&attributes);
  return static_cast<const std::byte*>(low);
}

}  // namespace

void open_thread() {
  Thread& thread = this_thread;
  thread.open = true;
  reserve_log(thread, settings().log_bytes_max);
  thread.regions.open(kRegionsMax, "regions in each other");
  thread.births.open(kBlocksMax, "blocks allocated in a region");
  thread.deaths.open(kBlocksMax, "blocks freed in a region");
  thread.output.open(kOutputBytesMax, "bytes of output in a region");
  thread.exceptions.open(kExceptionsMax, "exceptions in a region");
  thread.exception_refs.open(kExceptionsMax, "exceptions in a region");
  thread.exits.open(kExitsMax, "static variables initialised in a region");
  thread.actions.open(kActionsMax, "actions to undo or to do at a commit");
  if (settings().races != CKPT_RACES_IGNORE) {
    races_watched = true;
    thread.places.open(kPlacesMax, "writes watched for races in a region");
  }
  thread.stack_low = stack_low_of_this_thread();
  watch_for_full_logs();
  pthread_once(&end_of_thread_once, [] { pthread_key_create(&end_of_thread, close_thread); });
  pthread_setspecific(end_of_thread, &thread);
}

}  // namespace belay::region
