#include "context/thread_stop.h"

#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstring>

#include "base/exempt_data.h"
#include "base/syscall.h"
#include "base/text.h"
#include "context/interrupted_call.h"
#include "context/task_list.h"

namespace belay {

void (*on_thread_restored)() = nullptr;

namespace {

BELAY_EXEMPT_DATA constinit ThreadStopper* g_stopper = nullptr;
using RequestHandler = void (*)();
BELAY_EXEMPT_DATA constinit RequestHandler g_on_request = nullptr;

void describe_self(StoppedThread* self) {
  sys::call(SYS_arch_prctl, ARCH_GET_FS, &self->fs_base);
  sys::call(SYS_arch_prctl, ARCH_GET_GS, &self->gs_base);
  sys::call(SYS_get_robust_list, 0, &self->robust_list, &self->robust_list_bytes);
  if (sys::call(SYS_prctl, PR_GET_TID_ADDRESS, &self->clear_tid_address) != 0)
    self->clear_tid_address = 0;
  sys::call(SYS_rt_sigpending, &self->pending_signals, 8);
  sys::call(SYS_prctl, PR_GET_NAME, self->name);
}

// The second half of the handler, in a process that has come back. Whatever was in exempt memory
// is gone by now.
[[gnu::noinline]] void go_on_restored(ucontext_t* context, uint64_t stopped_ns) {
  if (on_thread_restored != nullptr) on_thread_restored();
  if (interrupted_own_call(context)) continue_outer(context, true);
  finish_interrupted_call({context, stopped_ns}, true);
}

[[gnu::noinline]] void go_on(ucontext_t* context, uint64_t stopped_ns) {
  if (interrupted_own_call(context)) continue_outer(context, false);
  finish_interrupted_call({context, stopped_ns}, false);
}

void stop_here(void* value, ucontext_t* context) {
  auto* self = static_cast<StoppedThread*>(value);
  if (self == nullptr)
    for (;;) sys::call(SYS_exit, 0);
  volatile uint64_t stopped_ns = sys::now_ns();
  ucontext_t* volatile interrupted = context;
  self->stopped_ns = stopped_ns;
  describe_self(self);
  if (belay_save_context(&self->context) != 0) {
    go_on_restored(interrupted, stopped_ns);
    return;
  }
  g_stopper->park(self);
  go_on(context, stopped_ns);
}

}  // namespace

void set_signal_target(ThreadStopper* stopper, void (*on_request)()) {
  g_stopper = stopper;
  g_on_request = on_request;
}

Status arm_signal_target() {
  long result = arm_stop_signal({stop_here, [] { g_on_request(); }});
  if (result < 0)
    return fail(int(-result), "cannot install the handler of signal {}: {}", kStopSignal,
                errno_text(int(-result)));
  return {};
}

Status end_other_threads() {
  BELAY_TRY(arm_signal_target());
  int pid = int(sys::getpid()), self = int(sys::gettid());
  uint64_t deadline_ns = sys::now_ns() + 10'000'000'000;
  for (;;) {
    TaskList tasks;
    BELAY_TRY(tasks.open());
    int others = 0;
    for (int tid; (tid = tasks.next()) >= 0;) {
      if (tid == self) continue;
      others++;
      send_stop_signal(pid, tid, nullptr);
    }
    if (others == 0) return {};
    if (sys::now_ns() > deadline_ns) return fail(ETIMEDOUT, "{} threads do not end", others);
    timespec moment = {0, 500'000};
    sys::call(SYS_nanosleep, &moment, nullptr);
  }
}

void ThreadStopper::park(StoppedThread* self) {
  if (stacks_.empty()) {
    wait_for_release(self);
    return;
  }
  // The memory of the thread's own stack may be another's when it goes on.
  size_t top = (size_t(self - threads_.data()) + 1) * kParkingStackBytes;
  uint64_t frame;
  belay_call_on_stack(
      stacks_.data() + top,
      [](void* thread) -> long {
        auto* self = static_cast<StoppedThread*>(thread);
        g_stopper->wait_for_release(self);
        follow_order(self);
        return 0;
      },
      self, &frame);
}

// Returns when the thread is to go on where it stopped.
void ThreadStopper::follow_order(StoppedThread* self) {
  switch (self->order) {
    case StoppedThread::kGoOn:
      return;
    case StoppedThread::kResumeHandler:
      belay_resume_context(&self->resume_context);
    case StoppedThread::kReturnTo:
      belay_return_to(self->resume_frame, self->resume_value);
    case StoppedThread::kEnd:
      break;
  }
  // The kernel is not to touch its memory any more, which others will own.
  sys::call(SYS_set_robust_list, nullptr, 24);
  sys::call(SYS_set_tid_address, nullptr);
  for (;;) sys::call(SYS_exit, 0);
}

void ThreadStopper::end_thread(StoppedThread* thread) {
  int pid = int(sys::getpid());
  __atomic_store_n(&thread->order, StoppedThread::kEnd, __ATOMIC_RELEASE);
  // Another value, or a thread that is about to wait would not see the order.
  __atomic_add_fetch(&gate_, 1, __ATOMIC_ACQ_REL);
  sys::futex_wake(&gate_);
  while (sys::call(SYS_tgkill, pid, thread->tid, 0) == 0) sys::call(SYS_sched_yield);
  thread->state = StoppedThread::kGone;
}

void ThreadStopper::wait_for_release(StoppedThread* self) {
  __atomic_store_n(&self->state, StoppedThread::kParked, __ATOMIC_RELEASE);
  uint32_t parked = __atomic_add_fetch(&parked_, 1, __ATOMIC_ACQ_REL);
  if (parked == __atomic_load_n(&parked_goal_, __ATOMIC_ACQUIRE)) {
    __atomic_store_n(&all_parked_, 1, __ATOMIC_RELEASE);
    sys::futex_wake(&all_parked_);
  }
  for (;;) {
    uint32_t gate = __atomic_load_n(&gate_, __ATOMIC_ACQUIRE);
    if (gate == 0 || __atomic_load_n(&self->order, __ATOMIC_ACQUIRE) == StoppedThread::kEnd) break;
    sys::futex_wait(&gate_, gate);
  }
  __atomic_store_n(&self->resumed_ns, sys::now_ns(), __ATOMIC_RELEASE);
  __atomic_add_fetch(&left_, 1, __ATOMIC_ACQ_REL);
}

Status ThreadStopper::stop(std::span<const int> ignored, uint32_t timeout_ms) {
  BELAY_TRY(arm_signal_target());
  count_ = 0;
  parked_ = left_ = parked_goal_ = all_parked_ = 0;
  __atomic_store_n(&gate_, 1, __ATOMIC_RELEASE);
  uint64_t deadline_ns = sys::now_ns() + uint64_t{timeout_ms} * 1'000'000;
  // Only a running thread makes new ones: when a look finds none, all stand still.
  for (;;) {
    size_t added = 0;
    Status status = signal_new_threads(ignored, &added);
    if (status && added == 0) return {};
    if (status) status = wait_until_parked(deadline_ns);
    if (status) continue;
    release();
    return status;
  }
}

Status ThreadStopper::signal_new_threads(std::span<const int> ignored, size_t* added) {
  int pid = int(sys::getpid());
  TaskList tasks;
  BELAY_TRY(tasks.open());
  size_t known = count_;
  for (int tid; (tid = tasks.next()) >= 0;) {
    bool skip = false;
    for (int own : ignored) skip |= own == tid;
    // The kernel lists tasks in order of birth, mostly: look near where the last one was found.
    for (size_t i = 0; i < known && !skip; i++) skip = threads_[i].tid == tid;
    if (skip) continue;
    if (count_ == threads_.size()) return fail(ENOMEM, "more than {} threads", threads_.size());
    StoppedThread* thread = &threads_[count_++];
    *thread = {.tid = tid, .state = StoppedThread::kSignalled};
    if (tid == pid && task_is_zombie(pid, tid)) {
      thread->ended_leader = true;
      thread->state = StoppedThread::kGone;
      continue;
    }
    long result;
    while ((result = send_stop_signal(pid, tid, thread)) == -EAGAIN) {
      sys::call(SYS_sched_yield);  // the queue of signals is full (RLIMIT_SIGPENDING): it drains
    }
    if (result < 0) thread->state = StoppedThread::kGone;
    ++*added;
  }
  return {};
}

Status ThreadStopper::wait_until_parked(uint64_t deadline_ns) {
  for (;;) {
    uint32_t goal = 0;
    for (const StoppedThread& thread : threads())
      goal += __atomic_load_n(&thread.state, __ATOMIC_RELAXED) != StoppedThread::kGone;
    __atomic_store_n(&all_parked_, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&parked_goal_, goal, __ATOMIC_RELEASE);
    if (__atomic_load_n(&parked_, __ATOMIC_ACQUIRE) >= goal) return {};
    timespec patience = {0, 2'000'000};
    sys::futex_wait(&all_parked_, 0, &patience);
    if (__atomic_load_n(&parked_, __ATOMIC_ACQUIRE) >= goal) return {};
    forget_vanished();
    if (sys::now_ns() > deadline_ns) {
      char who[64];
      name_straggler(who);
      return fail(ETIMEDOUT, "{} did not stop in time", who);
    }
  }
}

// Threads that ended after they were signalled.
void ThreadStopper::forget_vanished() {
  int pid = int(sys::getpid());
  for (StoppedThread& thread : threads()) {
    if (__atomic_load_n(&thread.state, __ATOMIC_ACQUIRE) != StoppedThread::kSignalled) continue;
    bool gone = sys::call(SYS_tgkill, pid, thread.tid, 0) == -ESRCH;
    if (!gone && thread.tid == pid && task_is_zombie(pid, pid)) gone = thread.ended_leader = true;
    if (gone) thread.state = StoppedThread::kGone;
  }
}

void ThreadStopper::name_straggler(char (&out)[64]) const {
  for (size_t i = 0; i < count_; i++) {
    if (threads_[i].state != StoppedThread::kSignalled) continue;
    auto end = fmt::format_to_n(out, sizeof out - 1, "thread {}", threads_[i].tid);
    *end.out = '\0';
    return;
  }
  copy_text(out, "a thread");
}

void ThreadStopper::release() {
  released_ns_ = sys::now_ns();
  __atomic_store_n(&gate_, 0, __ATOMIC_RELEASE);
  sys::futex_wake(&gate_);
}

ThreadStopper::Pause ThreadStopper::wait_until_left() {
  Pause pause{};
  for (StoppedThread& thread : threads()) {
    if (thread.state != StoppedThread::kParked) continue;
    uint64_t resumed;
    while ((resumed = __atomic_load_n(&thread.resumed_ns, __ATOMIC_ACQUIRE)) == 0) {
      timespec moment = {0, 200'000};
      sys::call(SYS_nanosleep, &moment, nullptr);
    }
    pause.longest_ns = std::max(pause.longest_ns, resumed - thread.stopped_ns);
    if (released_ns_ > thread.stopped_ns)
      pause.held_ns = std::max(pause.held_ns, released_ns_ - thread.stopped_ns);
  }
  return pause;
}

}  // namespace belay
