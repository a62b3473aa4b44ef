// Stopping every thread of the process wherever it is, and letting all go on.
//
// A stopped thread sits in Belay's signal handler on its own stack; the kernel's signal frame below
// holds every register. Released, it returns through that frame. In a restored process the restorer
// resumes StoppedThread::context instead, and the thread waits at the restore gate until Belay's
// helper is ready.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"
#include "context/resume.h"
#include "context/stop_signal.h"

namespace belay {

// What a thread says of itself when it stops. In exempt memory.
struct StoppedThread {
  enum State : uint32_t { kFree, kSignalled, kParked, kGone };
  // What it does when it is released. All but kGoOn need a stack to park on.
  enum Order : uint32_t {
    kGoOn,           // returns through its signal frame
    kResumeHandler,  // in the handler that `resume_context` was saved in
    kReturnTo,       // from the belay_call_on_stack() that made `resume_frame`
    kEnd,
  };

  int tid = 0;
  uint32_t state = kFree;
  bool ended_leader = false;  // main after pthread_exit(): a zombie until the process ends
  ResumeContext context;
  uint64_t fs_base = 0, gs_base = 0;
  uint64_t robust_list = 0, robust_list_bytes = 0;
  uint64_t clear_tid_address = 0;
  uint64_t pending_signals = 0;
  uint64_t stopped_ns = 0;  // the thread's own time stamps, CLOCK_MONOTONIC
  uint64_t resumed_ns = 0;  // 0 until it runs again
  char name[16] = {};
  Order order = kGoOn;
  ResumeContext resume_context;
  uint64_t resume_frame = 0;
  long resume_value = 0;
};

// Enough for a wait; no signal comes in between.
constexpr size_t kParkingStackBytes = 4096;

// Called in the handler of a thread that has come back, before it goes on: where the engine holds
// all of them until it is ready. Uses only memory that was captured.
extern void (*on_thread_restored)();

class ThreadStopper {
 public:
  // `memory`: exempt; bounds the number of threads. `ignored`: tids of Belay's own threads.
  // `stacks`: kParkingStackBytes of exempt memory for each, to wait on while the memory of the
  // threads' own stacks is replaced; empty if it is not.
  void open(std::span<StoppedThread> memory, std::span<std::byte> stacks = {}) {
    threads_ = memory;
    stacks_ = stacks;
  }

  // Returns when every thread but `ignored` stands still. On error (a thread that does not stop in
  // `timeout_ms`, more threads than memory) all run on. Async-signal-safe, allocates nothing.
  Status stop(std::span<const int> ignored, uint32_t timeout_ms);

  // Ends one that stands still, and waits until it has left the process.
  void end_thread(StoppedThread* thread);

  // Lets all run. Returns at once.
  void release();

  // After release(): waits until each thread has left.
  struct Pause {
    uint64_t longest_ns;  // that a thread stood still, until it had a core again
    uint64_t held_ns;     // from the first that stood still to release()
  };
  Pause wait_until_left();

  std::span<StoppedThread> threads() { return threads_.first(count_); }

  // Only for the handler.
  void park(StoppedThread* self);

 private:
  Status signal_new_threads(std::span<const int> ignored, size_t* added);
  Status wait_until_parked(uint64_t deadline_ns);
  void forget_vanished();
  void name_straggler(char (&out)[64]) const;
  void wait_for_release(StoppedThread* self);
  static void follow_order(StoppedThread* self);

  std::span<StoppedThread> threads_;
  std::span<std::byte> stacks_;
  size_t count_ = 0;
  uint32_t parked_ = 0;  // futex words
  uint32_t parked_goal_ = 0;
  uint32_t all_parked_ = 0;
  uint32_t gate_ = 0;  // not 0: stand still
  uint32_t left_ = 0;
  uint64_t released_ns_ = 0;
};

// The stopper that the signal handler serves, and the handler for checkpoint requests.
void set_signal_target(ThreadStopper* stopper, void (*on_request)());
// Ends every thread of the process but the caller, wherever it is, without a word to it.
Status end_other_threads();

// Puts the handler (back) in place.
Status arm_signal_target();

}  // namespace belay
