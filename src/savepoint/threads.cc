// The threads of a savepoint: all stand still while memory changes under them, and each goes on
// where it was then.
#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/raw_thread.h"
#include "base/syscall.h"
#include "heap/exempt.h"
#include "savepoint/tree.h"

namespace belay {
namespace {

constexpr uint32_t kStopTimeoutMs = 10'000;

bool is_place_of(const ThreadPlace& place, const StoppedThread& thread) {
  return place.tid == thread.tid && place.fs_base == thread.fs_base &&
         place.clear_tid_address == thread.clear_tid_address;
}

// The first word of the thread control block is its own address (System V ABI, variant II of TLS).
uint64_t own_fs_base() { return reinterpret_cast<uint64_t>(__builtin_thread_pointer()); }

const ThreadPlace* place_of(Savepoint* goal, const StoppedThread& thread) {
  for (const ThreadPlace& place : goal->threads->all())
    if (is_place_of(place, thread)) return &place;
  return nullptr;
}

}  // namespace

// glibc's, in each thread's control block: the kernel writes the number of the processor there.
extern "C" {
extern const ptrdiff_t __rseq_offset [[gnu::weak]];
extern const unsigned int __rseq_size [[gnu::weak]];
}
constexpr uint64_t kRseqBytes = 32;

void Tree::exempt_kernels_words() {
  if (&__rseq_offset == nullptr || &__rseq_size == nullptr || __rseq_size == 0) return;
  const uint64_t self = own_fs_base();
  auto words = [](uint64_t thread) { return thread + uint64_t(__rseq_offset); };
  if (!stopped_ && kernels_words_count_ == 1 && kernels_words_[0] == words(self)) return;
  for (uint64_t start : kernels_words_.first(kernels_words_count_)) exempt_.remove(start);
  kernels_words_count_ = 0;
  auto add = [&](uint64_t thread) {
    kernels_words_[kernels_words_count_++] = words(thread);
    (void)exempt_.add(words(thread), words(thread) + kRseqBytes);
  };
  add(self);
  if (!stopped_) return;
  for (const StoppedThread& thread : stopper_.threads())
    if (thread.state == StoppedThread::kParked) add(thread.fs_base);
}

Status Tree::stop_threads() {
  // The number of links of /proc/self/task is that of the threads, and two.
  struct stat task {};
  stopped_ = sys::call(SYS_fstat, task_fd_, &task) < 0 || task.st_nlink != 3;
  if (!stopped_) {
    exempt_kernels_words();
    return {};
  }
  int own[kRawThreadsMax], ignored[kRawThreadsMax + 1];
  size_t count = 0;
  for (int tid : raw_thread_ids(own)) ignored[count++] = tid;
  ignored[count++] = int(sys::gettid());
  // Some may not have had a core yet since the last time.
  if (leaving_) stopper_.wait_until_left();
  leaving_ = false;
  // Nobody is stopped while he holds this one: exempt memory does not go back with him.
  exempt_lock_for_fork();
  Status status = stopper_.stop({ignored, count}, kStopTimeoutMs);
  if (status) {
    exempt_kernels_words();
    return {};
  }
  exempt_unlock_after_fork(false);
  stopped_ = false;
  return status;
}

void Tree::release_threads() {
  if (!stopped_) return;
  stopped_ = false;
  exempt_unlock_after_fork(false);
  stopper_.release();
  leaving_ = true;
}

Status Tree::note_threads(const Moment& moment, Savepoint* point) {
  size_t count = 1;
  std::span<StoppedThread> others = stopped_ ? stopper_.threads() : std::span<StoppedThread>{};
  for (const StoppedThread& thread : others) count += thread.state == StoppedThread::kParked;
  point->threads = static_cast<ThreadPlaces*>(pool_.take(ThreadPlaces::bytes(count)));
  if (point->threads == nullptr) return fail(ENOMEM, "no room to remember {} threads", count);
  point->threads->count = uint32_t(count);
  auto places = point->threads->all();
  places[0].tid = moment.tid;
  places[0].frame = moment.frame;
  places[0].fs_base = own_fs_base();
  if (sys::call(SYS_prctl, PR_GET_TID_ADDRESS, &places[0].clear_tid_address) != 0)
    places[0].clear_tid_address = 0;
  size_t at = 1;
  for (const StoppedThread& thread : others) {
    if (thread.state != StoppedThread::kParked) continue;
    places[at++] = {.tid = thread.tid,
                    .fs_base = thread.fs_base,
                    .clear_tid_address = thread.clear_tid_address,
                    .handler = thread.context};
  }
  return {};
}

Status Tree::check_threads(const Moment& moment, Savepoint* goal) {
  bool known = false;
  for (const ThreadPlace& place : goal->threads->all()) known = known || place.tid == moment.tid;
  if (!known)
    return fail(EPERM,
                "cannot roll back from this thread, which did not exist at the savepoint: call "
                "from one that did");
  std::span<StoppedThread> others = stopped_ ? stopper_.threads() : std::span<StoppedThread>{};
  for (const ThreadPlace& place : goal->threads->all()) {
    bool found = place.tid == moment.tid;
    for (const StoppedThread& thread : others)
      found = found || (thread.state == StoppedThread::kParked && is_place_of(place, thread));
    if (!found)
      return fail(ESRCH,
                  "cannot roll back: thread {} was there at the savepoint and has ended since",
                  place.tid);
  }
  return {};
}

void Tree::end_newer_threads(Savepoint* goal) {
  if (!stopped_) return;
  for (StoppedThread& thread : stopper_.threads())
    if (thread.state == StoppedThread::kParked && place_of(goal, thread) == nullptr)
      stopper_.end_thread(&thread);
}

// Tells each stopped thread where it goes on, and returns where the caller does.
ThreadPlace Tree::place_threads(const Moment& moment, Savepoint* goal, long value) {
  std::span<StoppedThread> others = stopped_ ? stopper_.threads() : std::span<StoppedThread>{};
  for (StoppedThread& thread : others) {
    if (thread.state != StoppedThread::kParked) continue;
    const ThreadPlace& place = *place_of(goal, thread);
    thread.order = place.frame != 0 ? StoppedThread::kReturnTo : StoppedThread::kResumeHandler;
    thread.resume_context = place.handler;
    thread.resume_frame = place.frame;
    thread.resume_value = value;
  }
  for (const ThreadPlace& place : goal->threads->all())
    if (place.tid == moment.tid) return place;
  return {};
}

}  // namespace belay
