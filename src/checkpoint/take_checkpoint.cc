#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/log.h"
#include "base/priority.h"
#include "base/syscall.h"
#include "checkpoint/capture.h"
#include "checkpoint/crash_point.h"
#include "checkpoint/shared.h"
#include "files/descriptors.h"

namespace belay {
namespace {

constexpr int kRoundsMax = 6;
constexpr uint64_t kResidueGoalPages = 512;  // copied in some 0.3 ms: not worth another round
constexpr uint32_t kStopTimeoutMs = 10'000;
// Steps of nice(2). In its turn among 4 threads that compute on 2 cores, a full checkpoint of 1 GiB
// gets 65 % of the disk's rate, and all of it 10 steps ahead. With an increment it is durability
// against the time for which the program gets one core less: 0, 4 and 10 steps ahead it is durable
// after 57, 34 and 22 ms, and the largest gap that a thread sees is 12, 16 and 20 ms.
constexpr int kAheadFull = 10, kAheadIncrement = 4, kAheadStopped = 40;

// One checkpoint in the making.
class Checkpoint {
 public:
  explicit Checkpoint(Engine& engine) : engine_(engine), full_(engine.next_is_full) {}
  Status run();

 private:
  Status copy_while_running();
  Status remember(std::span<const PageRun> runs);
  Status copy_runs();
  Status copy_run(const PageRun& run);
  Result<std::span<Mapping>> watch_new();
  template <class Work>
  Status pause(Work work);
  void note_pause();
  Status capture_stopped();
  Status copy_residue(std::span<const Mapping> mappings);
  Status describe(std::span<const Mapping> mappings);
  Status write_residue();
  Status write_changed(const PageRun& run, const std::byte* pages);
  Status discard_vanished();
  void keep_runs();

  Engine& engine_;
  bool full_;
  size_t run_count_ = 0;
  size_t offered_count_ = 0;
  uint64_t residue_pages_ = 0;
  ThreadStopper::Pause longest_pause_{};
  uint64_t started_ns_ = sys::now_ns();
  DescriptionWriter description_;
};

// POSIX timers live in the kernel, under ids that nothing can ask for again.
Status refuse_timers() {
  long fd = sys::call(SYS_openat, AT_FDCWD, "/proc/self/timers", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char byte;
  long n = sys::call(SYS_read, fd, &byte, 1);
  sys::call(SYS_close, fd);
  if (n <= 0) return {};
  return fail(ENOTSUP, "the program has a timer of timer_create(), which is not captured yet");
}

Status refuse_children() {
  siginfo_t info;
  constexpr int kAnyChild = WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT | 0x40000000;
  if (sys::call(SYS_waitid, P_ALL, 0, &info, kAnyChild, nullptr) == -ECHILD) return {};
  return fail(ENOTSUP, "the program has child processes, which are not captured yet");
}

Status Checkpoint::run() {
  AheadOfProgram ahead(full_ ? kAheadFull : kAheadIncrement);
  BELAY_TRY(refuse_children());
  BELAY_TRY(refuse_timers());
  BELAY_TRY(engine_.writer.begin(engine_.position, full_, g_shared.identity));
  crash_point("copy");
  BELAY_TRY(copy_while_running());
  if (full_ && engine_.position.sequence > 0) crash_point("full");
  BELAY_TRY(pause([&] { return capture_stopped(); }));
  crash_point("write");
  BELAY_TRY(write_residue());
  BELAY_TRY(discard_vanished());
  BELAY_ASSIGN(Description description, Description::parse(description_.bytes()));
  BELAY_TRY(sync_files(description));
  crash_point("sync");
  BELAY_ASSIGN(engine_.position,
               engine_.writer.commit(description_.bytes(), description.process().taken_unix_ns));
  crash_point("switch");
  keep_runs();
  engine_.next_is_full = engine_.position.segments > g_shared.config.retention ||
                         engine_.position.end_offset > 4 * engine_.position.base_bytes;
  struct crstats& stats = g_shared.stats;
  stats.checkpoints++;
  stats.sequence = engine_.position.sequence;
  stats.durable_ns = sys::now_ns() - started_ns_;
  stats.written_bytes = engine_.writer.written_bytes();
  stats.residue_pages = residue_pages_;
  note_pause();
  stats.pause_ns = longest_pause_.longest_ns;
  stats.held_ns = longest_pause_.held_ns;
  return {};
}

// Rounds: each copies what was written since the one before, until little is left or it does not
// get less.
Status Checkpoint::copy_while_running() {
  if (engine_.tracker.kind() != DirtyTracker::Kind::kUserfault) return {};
  uint64_t previous = UINT64_MAX;
  for (int round = 0; round < kRoundsMax; round++) {
    BELAY_ASSIGN(auto mappings, watch_new());
    ScanFor what = full_ && round == 0 ? ScanFor::kAll : ScanFor::kWritten;
    BELAY_ASSIGN(run_count_, find_pages(engine_, mappings, what));
    uint64_t pages = 0;
    for (const PageRun& run : engine_.runs.first(run_count_)) pages += run.page_count;
    BELAY_TRY(remember(engine_.runs.first(run_count_)));
    BELAY_TRY(copy_runs());
    if (pages <= kResidueGoalPages || pages > previous / 2) break;
    previous = pages;
  }
  return {};
}

// The mappings as they are. What is not watched waits for the pause, and is copied there. Where
// that is much, as all is at first, it is worth a pause of its own in which nothing is copied.
Result<std::span<Mapping>> Checkpoint::watch_new() {
  BELAY_ASSIGN(auto mappings, read_mappings(engine_.mapping_memory));
  BELAY_ASSIGN(uint64_t pages, unwatched_pages(engine_, mappings));
  if (pages <= kResidueGoalPages) return mappings;
  BELAY_TRY(pause([&]() -> Status {
    BELAY_ASSIGN(mappings, read_mappings(engine_.mapping_memory));
    return watch(engine_, mappings);
  }));
  note_pause();
  return mappings;
}

// What a round copies may be gone by the time of the pause, and must not come back then.
Status Checkpoint::remember(std::span<const PageRun> runs) {
  if (engine_.offered.size() - offered_count_ < runs.size())
    return fail(ENOBUFS, "more than {} runs of pages", engine_.offered.size());
  for (const PageRun& run : runs) engine_.offered[offered_count_++] = run;
  return {};
}

// Scattered pages many at a time; long runs, and what is in the way of a batch, by themselves.
Status Checkpoint::copy_runs() {
  auto runs = engine_.runs.first(run_count_);
  for (size_t at = 0; at < runs.size();) {
    size_t batch = 0, bytes = 0;
    while (batch < PageReader::kRunsAtOnce && at + batch < runs.size() &&
           bytes + runs[at + batch].page_count * kPageBytes <= engine_.chunk.size())
      bytes += runs[at + batch++].page_count * kPageBytes;
    size_t copied = engine_.pages.read_running(runs.subspan(at, batch), engine_.chunk.first(bytes));
    const std::byte* pages = engine_.chunk.data();
    for (const PageRun& run : runs.subspan(at, copied)) {
      BELAY_TRY(engine_.writer.append({run.start}, pages, run.page_count));
      pages += run.page_count * kPageBytes;
    }
    at += copied;
    if (copied == batch && batch > 0) continue;
    if (at < runs.size()) BELAY_TRY(copy_run(runs[at++]));
  }
  return {};
}

// What the program unmaps meanwhile is skipped: it vanishes at the next scan, or, mapped anew, is
// written again.
Status Checkpoint::copy_run(const PageRun& run) {
  for (uint64_t at = run.start; at < run.end();) {
    size_t bytes = run.end() - at;
    if (bytes > engine_.chunk.size()) bytes = engine_.chunk.size();
    size_t copied = engine_.pages.read_running(at, engine_.chunk.first(bytes));
    if (copied > 0)
      BELAY_TRY(engine_.writer.append({at}, engine_.chunk.data(), copied / kPageBytes));
    at += copied > 0 ? copied : kPageBytes;
  }
  return {};
}

// All threads stand still while `work` runs.
template <class Work>
Status Checkpoint::pause(Work work) {
  int own[kRawThreadsMax];
  // Ahead of every thread that computes: each signal sent wakes one, and all that stand still wait
  // for this one. Back in line before they are let go.
  std::optional<AheadOfProgram> ahead(kAheadStopped);
  BELAY_TRY(engine_.stopper.stop(raw_thread_ids(own), kStopTimeoutMs));
  Status status = work();
  ahead.reset();
  engine_.stopper.release();
  return status;
}

void Checkpoint::note_pause() {
  ThreadStopper::Pause pause = engine_.stopper.wait_until_left();
  longest_pause_.longest_ns = std::max(longest_pause_.longest_ns, pause.longest_ns);
  longest_pause_.held_ns = std::max(longest_pause_.held_ns, pause.held_ns);
}

Status Checkpoint::capture_stopped() {
  crash_point("pause");
  BELAY_ASSIGN(auto mappings, read_mappings(engine_.mapping_memory));
  BELAY_ASSIGN(run_count_, find_pages(engine_, mappings, ScanFor::kPause));
  BELAY_TRY(copy_residue(mappings));
  return describe(mappings);
}

Status Checkpoint::copy_residue(std::span<const Mapping> mappings) {
  residue_pages_ = 0;
  for (const PageRun& run : engine_.runs.first(run_count_))
    if (run.written) residue_pages_ += run.page_count;
  if (residue_pages_ * kPageBytes > engine_.residue.size())
    return fail(ENOMEM, "{} pages changed while they were copied: no room for so many",
                residue_pages_);
  StoppedPages pages(engine_.pages, mappings);
  std::byte* out = engine_.residue.data();
  for (const PageRun& run : engine_.runs.first(run_count_)) {
    if (!run.written) continue;
    pages.read(run, out);
    out += run.page_count * kPageBytes;
  }
  return {};
}

Status Checkpoint::describe(std::span<const Mapping> mappings) {
  description_ = DescriptionWriter(engine_.description_memory);
  auto threads = engine_.stopper.threads();
  BELAY_TRY(describe_process(*engine_.facts, g_shared, threads.size(), description_));
  BELAY_TRY(describe_threads(threads, description_));
  BELAY_TRY(describe_mappings(engine_, mappings, description_));
  BELAY_TRY(describe_files({engine_.own_fds, engine_.own_fd_count}, g_shared.config.directory,
                           g_shared.given, description_));
  return description_.status();
}

Status Checkpoint::write_residue() {
  bool compare = engine_.tracker.kind() == DirtyTracker::Kind::kCompare;
  if (compare) engine_.sums.begin(residue_pages_);
  const std::byte* pages = engine_.residue.data();
  for (const PageRun& run : engine_.runs.first(run_count_)) {
    if (!run.written) continue;
    if (compare)
      BELAY_TRY(write_changed(run, pages));
    else
      BELAY_TRY(engine_.writer.append({run.start}, pages, run.page_count));
    pages += run.page_count * kPageBytes;
  }
  return {};
}

// Without a kernel that tells written pages from others: those that differ from the last
// checkpoint.
Status Checkpoint::write_changed(const PageRun& run, const std::byte* pages) {
  uint64_t first = 0;  // of the changed ones not yet written
  for (uint64_t i = 0; i <= run.page_count; i++) {
    bool same = i < run.page_count &&
                engine_.sums.same_as_before(run.start + i * kPageBytes, pages + i * kPageBytes);
    if (i < run.page_count && (full_ || !same)) continue;
    if (i > first)
      BELAY_TRY(engine_.writer.append({run.start + first * kPageBytes}, pages + first * kPageBytes,
                                      i - first));
    first = i + 1;
  }
  return {};
}

// What the store holds, from the last checkpoint or from the rounds of this one, and the program
// does not: unmapped, or given back to the kernel.
Status Checkpoint::discard_vanished() {
  if (!full_) BELAY_TRY(remember(engine_.kept.first(engine_.kept_count)));
  auto offered = engine_.offered.first(offered_count_);
  std::sort(offered.begin(), offered.end(),
            [](const PageRun& a, const PageRun& b) { return a.start < b.start; });
  size_t next = 0;
  uint64_t at = 0;  // up to here it is known
  for (const PageRun& old : offered) {
    if (old.start > at) at = old.start;
    while (next > 0 && engine_.runs[next - 1].end() > at) next--;
    for (; next < run_count_ && engine_.runs[next].start < old.end(); next++) {
      const PageRun& present = engine_.runs[next];
      if (present.start > at)
        BELAY_TRY(engine_.writer.discard({at}, (present.start - at) / kPageBytes));
      if (present.end() > at) at = present.end();
    }
    if (at < old.end()) BELAY_TRY(engine_.writer.discard({at}, (old.end() - at) / kPageBytes));
    if (at < old.end()) at = old.end();
  }
  return {};
}

void Checkpoint::keep_runs() {
  size_t count = 0;
  for (const PageRun& run : engine_.runs.first(run_count_)) {
    if (count > 0 && engine_.kept[count - 1].end() == run.start)
      engine_.kept[count - 1].page_count += run.page_count;
    else
      engine_.kept[count++] = run;
  }
  engine_.kept_count = count;
}

}  // namespace

Status take_checkpoint(Engine& engine) {
  Checkpoint checkpoint(engine);
  Status status = checkpoint.run();
  if (!status) {
    engine.writer.abandon();
    engine.next_is_full = true;  // what the scans reported is lost
    engine.kept_count = 0;
  }
  return status;
}

}  // namespace belay
