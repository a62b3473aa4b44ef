#include "checkpoint/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "base/log.h"
#include "base/os.h"
#include "base/syscall.h"
#include "base/text.h"
#include "checkpoint/choose.h"
#include "checkpoint/crash_point.h"
#include "checkpoint/engine.h"
#include "checkpoint/lazy_fill.h"
#include "checkpoint/process_facts.h"
#include "checkpoint/restore_layout.h"
#include "context/thread_stop.h"
#include "files/descriptors.h"
#include "heap/heap.h"
#include "restorer/restorer.h"
#include "store/named.h"

extern "C" {
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));
}

namespace belay {
namespace {

constexpr uint64_t kStackBytes = 64 << 10;
constexpr uint64_t kThreadStackBytes = 4096;
constexpr uint64_t kScratchBytes = 1 << 20;  // for vdso and vvar on their way

// Hands out parts of the restorer's block, in order.
class Block {
 public:
  Block(uint64_t start, uint64_t bytes) : at_(start), end_(start + bytes) {}
  template <class T>
  T* put(const T* items, size_t count) {
    at_ = (at_ + 63) & ~uint64_t{63};
    T* place = reinterpret_cast<T*>(at_);
    if (count > 0 && items != nullptr) memcpy(static_cast<void*>(place), items, count * sizeof(T));
    at_ += count * sizeof(T);
    BELAY_CHECK(at_ <= end_);
    return place;
  }
  uint64_t pages(uint64_t bytes) {
    at_ = page_ceil(at_);
    uint64_t place = at_;
    at_ += page_ceil(bytes);
    BELAY_CHECK(at_ <= end_);
    return place;
  }

 private:
  uint64_t at_, end_;
};

// The runs and checksums that are read after the jump, where the restored process finds them.
const LazyFill* put_lazy_plan(Block& block, const LazyPlan& plan, int uffd) {
  LazyFill fill{};
  fill.runs = block.put(plan.runs.data(), plan.runs.size());
  fill.run_count = plan.runs.size();
  fill.checksums = block.put(plan.checksums, plan.checksum_count);
  fill.ranges = block.put(plan.ranges.data(), plan.ranges.size());
  fill.range_count = plan.ranges.size();
  fill.uffd = uffd;
  return block.put(&fill, 1);
}

std::vector<RestoreThread> plan_threads(const Description& description) {
  std::vector<RestoreThread> threads;
  description.for_each<ThreadRecord>(RecordKind::kThread, [&](const ThreadRecord& record) {
    RestoreThread thread{};
    thread.context = record.context;
    thread.fs_base = record.fs_base;
    thread.gs_base = record.gs_base;
    thread.robust_list = record.robust_list;
    thread.robust_list_bytes = record.robust_list_bytes;
    thread.clear_tid_address = record.clear_tid_address;
    thread.rseq_address = record.rseq_address;
    thread.rseq_bytes = record.rseq_bytes;
    thread.rseq_signature = record.rseq_signature;
    thread.wanted_tid = record.tid;
    thread.ended = (record.flags & kThreadEnded) != 0;
    thread.pending_signals = record.pending_signals;
    memcpy(thread.name, record.name, sizeof thread.name);
    bool main = (record.flags & kThreadMain) != 0;
    threads.insert(main ? threads.begin() : threads.end(), thread);
  });
  return threads;
}

prctl_mm_map memory_layout(const ProcessRecord& process) {
  prctl_mm_map map{};
  map.start_code = process.start_code;
  map.end_code = process.end_code;
  map.start_data = process.start_data;
  map.end_data = process.end_data;
  map.start_brk = process.start_brk;
  map.brk = process.brk;
  map.start_stack = process.start_stack;
  map.arg_start = process.arg_start;
  map.arg_end = process.arg_end;
  map.env_start = process.env_start;
  map.env_end = process.env_end;
  map.auxv = reinterpret_cast<__u64*>(const_cast<uint64_t*>(process.auxv));
  map.auxv_size = process.auxv_bytes;
  map.exe_fd = __u32(-1);
  return map;
}

void restore_signals(const Description& description) {
  uint64_t none[4] = {};
  for (int signal = 1; signal <= 64; signal++)
    if (signal != kStopSignal) sys::call(SYS_rt_sigaction, signal, none, nullptr, 8);
  description.for_each<SignalActionRecord>(
      RecordKind::kSignalAction, [](const SignalActionRecord& record) {
        uint64_t action[4] = {record.handler, record.flags, record.restorer, record.mask};
        sys::call(SYS_rt_sigaction, record.signal, action, nullptr, 8);
      });
}

void restore_timers(const ProcessRecord& process) {
  for (int which = 0; which < 3; which++) {
    auto time = [](uint64_t ns) {
      return timeval{time_t(ns / 1'000'000'000), suseconds_t(ns % 1'000'000'000 / 1000)};
    };
    itimerval timer{time(process.timer_interval_ns[which]), time(process.timer_value_ns[which])};
    sys::call(SYS_setitimer, which, &timer, nullptr);
  }
}

// The numbers from `first` to `last` without the `kept` ones, as ranges that include their ends.
std::vector<std::pair<int, int>> gaps(std::vector<int> kept, int first, int last) {
  std::sort(kept.begin(), kept.end());
  std::vector<std::pair<int, int>> found;
  for (int fd : kept) {
    if (fd > first) found.emplace_back(first, fd - 1);
    first = fd + 1;
  }
  if (first <= last) found.emplace_back(first, last);
  return found;
}

// One restore, from an opened checkpoint to the jump.
class Restore {
 public:
  Restore(const Config& config, LoadedCheckpoint& checkpoint, const Description& description,
          const StorePosition& next, int lock_fd, int uffd)
      : config_(config),
        checkpoint_(checkpoint),
        description_(description),
        next_(next),
        lock_fd_(lock_fd),
        uffd_(uffd),
        store_fd_(checkpoint.fd) {}

  Status prepare();
  void undo();             // what prepare() has done: the process goes on
  Status leave_process();  // threads, files, signals: from here on there is no way back
  [[noreturn]] void jump();

 private:
  Status copy_files();
  Status add_last_calls(Block& block, std::vector<RestoreCall>& calls) const;
  RestoredArguments arguments() const;
  void add_lazy_fill(Block& block, std::vector<RestoreCall>& calls, RestoredArguments& given) const;

  const Config& config_;
  LoadedCheckpoint& checkpoint_;
  const Description& description_;
  const StorePosition& next_;  // where the restored process continues its store
  int lock_fd_;
  int uffd_;  // -1 unless memory is filled lazily
  int store_fd_;
  int high_fd_ = 0;
  bool has_copies_ = false;  // of these files
  std::vector<int> mapped_files_;
  AddressRange block_;
  std::byte* code_ = nullptr;
  RestorePlan* plan_ = nullptr;
  uint64_t stack_top_ = 0;
};

// To where nothing of the image's is in the way. The originals stay with a process that goes on.
Status Restore::copy_files() {
  high_fd_ = first_free_fd(description_);
  has_copies_ = true;
  for (int* fd : {&lock_fd_, &uffd_, &store_fd_}) {
    if (*fd < 0) continue;
    *fd = fcntl(*fd, F_DUPFD_CLOEXEC, high_fd_);
    if (*fd < 0)
      return fail(errno, "no descriptor for the restore: {}; raise ulimit -n", errno_text(errno));
  }
  return {};
}

void Restore::undo() {
  for (int fd : {lock_fd_, uffd_, store_fd_})
    if (has_copies_ && fd >= 0) close(fd);
  for (int fd : mapped_files_) close(fd);
  if (block_.end != 0) munmap(reinterpret_cast<void*>(block_.start), block_.end - block_.start);
}

Status Restore::prepare() {
  BELAY_TRY(check_files(description_));
  BELAY_TRY(copy_files());
  std::vector<RestoreThread> threads = plan_threads(description_);
  if (threads.empty()) return fail(EBADMSG, "the checkpoint holds no thread");

  uint64_t bytes = (uint64_t{8} << 20) + checkpoint_.description.size() +
                   (checkpoint_.runs.size() + 200'000) * sizeof(RestoreCall) +
                   checkpoint_.runs.size() * sizeof(StoredRun) + checkpoint_.checksums.size() * 8 +
                   threads.size() * (sizeof(RestoreThread) + kThreadStackBytes + 64);
  bytes = page_ceil(bytes);
  BELAY_ASSIGN(block_.start, find_hole(description_, bytes));
  long mapped = sys::mmap(reinterpret_cast<void*>(block_.start), bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (mapped != long(block_.start))
    return fail(ENOMEM, "no memory for the restorer: {}", errno_text(int(-mapped)));
  block_.end = block_.start + bytes;
  Block block(block_.start, bytes);

  auto code = restorer_code();
  code_ = reinterpret_cast<std::byte*>(block.pages(code.size()));
  memcpy(code_, code.data(), code.size());
  mprotect(code_, page_ceil(code.size()), PROT_READ | PROT_EXEC);
  uint64_t scratch = block.pages(kScratchBytes);
  AddressRange carried{exempt_range().begin, exempt_range().end};
  BELAY_ASSIGN(auto calls,
               plan_memory(description_, checkpoint_, store_fd_, block_, carried, scratch, high_fd_,
                           config_.verify == CR_VERIFY_TOUCH, &mapped_files_));

  stack_top_ = block.pages(kStackBytes) + kStackBytes;
  uint64_t entry_stack = block.pages(kRawThreadStackBytes + kPageBytes);
  uint64_t control_block = entry_stack + kRawThreadStackBytes;
  *reinterpret_cast<uint64_t*>(control_block) = control_block;
  *reinterpret_cast<uint64_t*>(control_block + 16) = control_block;
  uint64_t stacks = block.pages(threads.size() * kThreadStackBytes);
  for (size_t i = 0; i < threads.size(); i++)
    threads[i].stack_top = stacks + (i + 1) * kThreadStackBytes;

  BELAY_TRY(add_last_calls(block, calls));
  RestoredArguments given = arguments();
  given.config = block.put(&config_, 1);
  if (uffd_ >= 0) add_lazy_fill(block, calls, given);
  if (exempt_range().begin != 0) {
    auto bytes = exempt_bookkeeping();
    given.exempt_bookkeeping = block.put(bytes.data(), bytes.size());
  }
  given.thread_count = 0;
  for (const RestoreThread& thread : threads) given.thread_count += thread.ended == 0;
  given.entry_alive = 1;
  given.ended_main_alive = threads[0].ended;
  RestorePlan plan{};
  plan.arguments = block.put(&given, 1);
  if (threads[0].ended) threads[0].clear_tid_address = uint64_t(&plan.arguments->ended_main_alive);
  plan.calls = block.put(calls.data(), calls.size());
  plan.call_count = calls.size();
  plan.threads = block.put(threads.data(), threads.size());
  plan.thread_count = threads.size();
  plan.restored_entry =
      reinterpret_cast<void (*)(RestoredArguments*)>(description_.process().restored_entry.value);
  plan.entry_stack_top = entry_stack + kRawThreadStackBytes - 32768;
  plan.entry_fs_base = control_block;
  copy_text(plan.message, "belay: the restore failed at step          \n");
  plan.message_number_at = strlen(plan.message) - 2;
  plan.message_bytes = strlen(plan.message);
  plan_ = block.put(&plan, 1);
  return {};
}

// What follows when the image's memory is in place.
Status Restore::add_last_calls(Block& block, std::vector<RestoreCall>& calls) const {
  auto* kept = block.put(checkpoint_.description.data(), checkpoint_.description.size());
  BELAY_ASSIGN(Description copy, Description::parse({kept, checkpoint_.description.size()}));
  prctl_mm_map layout = memory_layout(copy.process());
  auto* map = block.put(&layout, 1);
  calls.push_back({SYS_prctl,
                   {PR_SET_MM, PR_SET_MM_MAP, reinterpret_cast<long>(map), sizeof *map},
                   RestoreCall::kIgnoreResult});
  for (int signal = 1; signal <= 64; signal++)
    if ((copy.process().pending_signals >> (signal - 1) & 1) != 0)
      calls.push_back({SYS_kill, {sys::getpid(), signal}, RestoreCall::kIgnoreResult});
  // Files that were only needed to map them.
  std::vector<int> stays = {lock_fd_};
  if (uffd_ >= 0) stays.insert(stays.end(), {store_fd_, uffd_});
  for (auto [first, last] : gaps(stays, high_fd_, INT_MAX))
    calls.push_back({SYS_close_range, {first, last}, RestoreCall::kIgnoreResult});
  return {};
}

// What is filled when touched is watched before any thread can touch it.
void Restore::add_lazy_fill(Block& block, std::vector<RestoreCall>& calls,
                            RestoredArguments& given) const {
  LazyPlan plan = make_lazy_plan(description_, checkpoint_);
  given.lazy = put_lazy_plan(block, plan, uffd_);
  given.store_fd = store_fd_;
  for (const AddressRange& range : plan.ranges) {
    uffdio_register request = lazy_registration(range);
    auto* placed = block.put(&request, 1);
    calls.push_back({SYS_ioctl, {uffd_, long(UFFDIO_REGISTER), reinterpret_cast<long>(placed)}, 0});
  }
}

RestoredArguments Restore::arguments() const {
  RestoredArguments arguments{};
  arguments.block_start = block_.start;
  arguments.block_bytes = block_.end - block_.start;
  arguments.sequence = next_.sequence;
  arguments.generation = next_.generation;
  arguments.segments = next_.segments;
  arguments.end_offset = next_.end_offset;
  arguments.base_bytes = next_.base_bytes;
  arguments.lock_fd = lock_fd_;
  arguments.store_fd = -1;
  description_.for_each<FileRecord>(RecordKind::kFile, [&](const FileRecord& file) {
    if (file.kind == FileKind::kStandard && arguments.given_count < 64)
      arguments.given[arguments.given_count++] = file.fd;
  });
  if (const char* crash_at = getenv("BELAY_CRASH_AT")) copy_text(arguments.crash_at, crash_at);
  return arguments;
}

Status Restore::leave_process() {
  uint64_t all = ~uint64_t{0};
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all);
  BELAY_TRY(end_other_threads());
  std::string cwd(description_.working_directory());
  if (chdir(cwd.c_str()) != 0)
    return fail(errno, "cannot return to the working directory {}: {}", cwd, errno_text(errno));
  // Close what the image does not know; what it knows is replaced by number.
  std::vector<int> given;
  description_.for_each<FileRecord>(RecordKind::kFile, [&](const FileRecord& file) {
    if (file.kind == FileKind::kStandard && file.fd > 2) given.push_back(file.fd);
  });
  for (auto [first, last] : gaps(given, 3, high_fd_ - 1))
    if (sys::call(SYS_close_range, first, last, 0) == -ENOSYS)  // before Linux 5.9
      for (int fd = first; fd <= last; fd++) close(fd);
  BELAY_TRY(restore_files(description_, getenv("BELAY_RESTART") != nullptr));
  umask(mode_t(description_.process().umask));
  restore_signals(description_);
  restore_timers(description_.process());
  return {};
}

void Restore::jump() {
  if (&__rseq_size != nullptr && __rseq_size != 0)
    sys::call(SYS_rseq, static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset, 32, 1,
              0x53053053);
  sys::call(SYS_set_robust_list, nullptr, 24);
  stack_t no_stack{};
  no_stack.ss_flags = SS_DISABLE;
  sys::call(SYS_sigaltstack, &no_stack, nullptr);
  run_restorer(code_, plan_, stack_top_);
}

}  // namespace

Status restore_checkpoint(const Config& config, const char* name, const BuildIdentity& identity,
                          int lock_fd, bool rehearses) {
  std::optional<CheckpointInfo> wanted;
  if (name != nullptr) {
    BELAY_ASSIGN(NamedCheckpoint named, find_named(config.directory, name));
    BELAY_ASSIGN(wanted, read_named(real_os(), named));
  }
  BELAY_ASSIGN(auto found, list_checkpoints(real_os(), config.directory, ListDepth::kMetadata));
  if (found.empty() && !wanted) return {};
  // Nothing may be taken while this process is about to be replaced.
  if (!rehearses) stop_engine();
  Config chosen = config;
  if (rehearses) chosen.verify = CR_VERIFY_AHEAD;
  int uffd = chosen.verify == CR_VERIFY_TOUCH ? open_lazy_fill() : -1;
  if (uffd < 0) chosen.verify = CR_VERIFY_AHEAD;
  auto checkpoint =
      wanted ? load_verified(*wanted, identity, chosen.verify) : choose(found, chosen, identity);
  if (!checkpoint) {
    if (uffd >= 0) close(uffd);
    // The program died over its first checkpoint: it begins anew, as if that had not been begun.
    if (checkpoint.error().code == ENOENT && config.restore_sequence == 0) return {};
    return tl::make_unexpected(checkpoint.error());
  }
  BELAY_ASSIGN(Description description, Description::parse(checkpoint->description));
  StorePosition next = continue_at(found, checkpoint->info.position, wanted.has_value());
  Restore restore(chosen, *checkpoint, description, next, lock_fd, uffd);
  if (Status prepared = restore.prepare(); !prepared || rehearses) {
    restore.undo();
    close(checkpoint->fd);
    if (uffd >= 0) close(uffd);
    return prepared;
  }
  log(LogLevel::kNotice, "restoring checkpoint {} of {}", checkpoint->info.position.sequence,
      config.name);
  Status status = restore.leave_process();
  if (!status) {
    log(LogLevel::kError, "the restore failed: {}", status.error().message);
    sys::call(SYS_exit_group, 70);
  }
  restore.jump();
}

}  // namespace belay
