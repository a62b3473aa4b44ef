#include "checkpoint/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <cstring>
#include <new>
#include <utility>

#include "base/log.h"
#include "base/os.h"
#include "base/syscall.h"
#include "checkpoint/crash_point.h"
#include "checkpoint/lazy_fill.h"
#include "checkpoint/process_facts.h"
#include "checkpoint/shared.h"
#include "heap/heap.h"
#include "store/named.h"

namespace belay {

Shared g_shared;
Engine* g_engine;

namespace {

constexpr size_t kThreadsMax = 32'768;
constexpr size_t kMappingsMax = 131'072;  // twice vm.max_map_count's default
constexpr size_t kMappingTextBytes = 16 << 20;
constexpr size_t kDescriptionBytes = 32 << 20;
constexpr size_t kRunsMax = 8 << 20;
constexpr size_t kPageSumsMax = 16 << 20;  // enough for 16 GiB; more is written each time
constexpr size_t kChunkBytes = 512 << 10;  // with the writer's copy it fits a 2 MiB L2 cache
constexpr size_t kWriterBytes = CheckpointWriter::kMemoryBytes;

void note_own_fd(Engine& engine, int fd) {
  if (fd >= 0) engine.own_fds[engine.own_fd_count++] = fd;
}

// Of an engine that has been stopped since the process was about to be replaced, and was not.
ExemptZone g_spare_zone;

// Everything of the engine that is made anew in each process.
// `lazy`: what of this restored process is still to be filled, or null.
Result<Engine*> make_engine(const StorePosition& position, const LazyFill* lazy = nullptr,
                            int store_fd = -1) {
  ExemptZone zone = std::exchange(g_spare_zone, {});
  if (zone.start() != 0)
    zone.clear();
  else
    BELAY_TRY(zone.reserve());
  if (lazy != nullptr) begin_lazy_fill(*lazy, store_fd, zone);
  auto* engine = new (zone.take(sizeof(Engine)).data()) Engine;
  engine->facts = new (zone.take(sizeof(ProcessFacts)).data()) ProcessFacts;
  auto threads = zone.take<StoppedThread>(kThreadsMax);
  engine->mapping_memory = {zone.take<char>(kMappingTextBytes), zone.take<Mapping>(kMappingsMax)};
  engine->description_memory = zone.take(kDescriptionBytes);
  engine->runs = zone.take<PageRun>(kRunsMax);
  engine->kept = zone.take<PageRun>(kRunsMax);
  engine->offered = zone.take<PageRun>(2 * kRunsMax);
  engine->chunk = zone.take(kChunkBytes);
  engine->sums.open(zone.take<PageSums::Entry>(kPageSumsMax));
  auto writer_memory = zone.take(kWriterBytes);
  // What is left holds residues: as large as memory can be, touched only as far as needed.
  engine->residue = zone.take((zone.end() - zone.start()) / 2);
  if (writer_memory.empty() || engine->residue.empty())
    return fail(ENOMEM, "not enough address space for Belay; raise ulimit -v");
  sys::call(SYS_madvise, engine->residue.data(), size_t{64} << 20, MADV_HUGEPAGE);
  engine->position = position;
  engine->stopper.open(threads);
  engine->tracker.open(g_shared.config.compare_pages);
  engine->pages.open();
  BELAY_TRY(engine->writer.open(real_os(), g_shared.config.directory, writer_memory));
  BELAY_TRY(read_process_facts(engine->facts));
  engine->zone = zone;
  note_own_fd(*engine, engine->tracker.uffd());
  note_own_fd(*engine, engine->tracker.pagemap());
  note_own_fd(*engine, engine->pages.fd());
  note_own_fd(*engine, g_shared.lock_fd);
  return engine;
}

// Leaves the reason where the command finds it; removes an old one.
void publish_refusal(const Status& status) {
  char path[kStorePathBytes + 16];
  *fmt::format_to_n(path, sizeof path - 1, "{}/refused", g_shared.config.directory).out = '\0';
  Os& os = real_os();
  if (status) {
    os.unlink(path);
    return;
  }
  long fd = os.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  os.pwrite(int(fd), status.error().message, strlen(status.error().message), 0);
  os.close(int(fd));
}

// Gives what has been taken, if it has, its name.
Status keep_as_wanted(const Engine& engine, Status status) {
  if (status)
    status =
        name_checkpoint(real_os(), g_shared.config.directory, engine.position, g_shared.keep_as);
  crash_point("name");
  g_shared.kept_code = status ? 0 : status.error().code;
  if (!status) g_shared.kept_error = status.error();
  return status;
}

void serve(Engine& engine, uint32_t up_to) {
  // Before anything is captured: what comes back must not keep its next one too.
  bool keep = __atomic_exchange_n(&g_shared.keep_next, false, __ATOMIC_ACQ_REL);
  run_events(CR_PREPARE);
  Status status = take_checkpoint(engine);
  if (keep) status = keep_as_wanted(engine, std::move(status));
  run_events(CR_RESUME);
  publish_refusal(status);
  if (!status) {
    g_shared.stats.refused++;
    g_shared.last_error = status.error();
    log(LogLevel::kNotice, "no checkpoint: {}", status.error().message);
  } else {
    log(LogLevel::kDetail, "checkpoint {}: pause {} us, durable in {} us, {} KiB",
        g_shared.stats.sequence, g_shared.stats.pause_ns / 1000, g_shared.stats.durable_ns / 1000,
        g_shared.stats.written_bytes / 1024);
  }
  g_shared.last_code = status ? 0 : status.error().code;
  __atomic_store_n(&g_shared.completed, up_to, __ATOMIC_RELEASE);
  sys::futex_wake(&g_shared.completed);
}

void nap() {
  timespec moment = {0, 100'000};
  sys::call(SYS_nanosleep, &moment, nullptr);
}

// Unmaps what the restorer lived in, once every thread has left it.
void remove_restorer(const RestoredArguments& from) {
  auto* block = reinterpret_cast<const RestoredArguments*>(from.self);
  while (__atomic_load_n(&block->entry_alive, __ATOMIC_ACQUIRE) != 0 ||
         __atomic_load_n(&block->ended_main_alive, __ATOMIC_ACQUIRE) != 0)
    nap();
  sys::munmap(reinterpret_cast<void*>(from.block_start), from.block_bytes);
}

// Lets restored threads go, and sees them off.
void welcome_threads(Engine& engine) {
  const RestoredArguments& from = engine.restored_from;
  crash_point("restore");
  __atomic_add_fetch(&g_shared.restores, 1, __ATOMIC_RELEASE);
  g_shared.stats.restores++;
  __atomic_store_n(&g_shared.restore_gate, 1, __ATOMIC_RELEASE);
  sys::futex_wake(&g_shared.restore_gate);
  while (__atomic_load_n(&g_shared.arrived, __ATOMIC_ACQUIRE) < from.thread_count) nap();
  g_shared.arrived = 0;
  __atomic_store_n(&g_shared.restore_gate, 0, __ATOMIC_RELEASE);
  run_events(CR_RESTART);
  // Whoever waited in checkpoint() sees `restores` changed.
  __atomic_store_n(&g_shared.completed, g_shared.requests, __ATOMIC_RELEASE);
  sys::futex_wake(&g_shared.completed);
  finish_lazy_fill();
  remove_restorer(from);
}

void wait_for_request(uint64_t deadline_ns, uint32_t served) {
  while (__atomic_load_n(&g_shared.requests, __ATOMIC_ACQUIRE) == served) {
    uint64_t now = sys::now_ns();
    if (now >= deadline_ns) return;
    uint64_t left = deadline_ns - now;
    timespec patience = {time_t(left / 1'000'000'000), long(left % 1'000'000'000)};
    bool forever = deadline_ns == UINT64_MAX;
    sys::futex_wait(&g_shared.requests, served, forever ? nullptr : &patience);
  }
}

void helper_main(Engine& engine) {
  if (engine.restored) welcome_threads(engine);
  uint32_t served = g_shared.completed;
  for (;;) {
    uint32_t interval_ms = g_shared.config.interval_ms;
    uint64_t deadline_ns = interval_ms == CR_INTERVAL_MANUAL
                               ? UINT64_MAX
                               : sys::now_ns() + uint64_t{interval_ms} * 1'000'000;
    wait_for_request(deadline_ns, served);
    if (__atomic_load_n(&engine.quit, __ATOMIC_ACQUIRE) != 0) return;
    served = __atomic_load_n(&g_shared.requests, __ATOMIC_ACQUIRE);
    serve(engine, served);
  }
}

Status launch(Engine* engine) {
  g_engine = engine;
  set_signal_target(&engine->stopper, [] { request_checkpoint(); });
  on_thread_restored = [] {
    // Counted when past the gate, and from then on nothing of the restorer's is touched.
    note_thread_id();
    while (__atomic_load_n(&g_shared.restore_gate, __ATOMIC_ACQUIRE) == 0)
      sys::futex_wait(&g_shared.restore_gate, 0);
    __atomic_add_fetch(&g_shared.arrived, 1, __ATOMIC_ACQ_REL);
  };
  BELAY_TRY(arm_signal_target());
  auto stack = engine->zone.take(kRawThreadStackBytes);
  // The residue takes what is left of the zone, so the stack comes from its end.
  if (stack.empty()) {
    stack = engine->residue.last(kRawThreadStackBytes);
    engine->residue = engine->residue.first(engine->residue.size() - kRawThreadStackBytes);
  }
  long result = start_raw_thread(
      &engine->helper, stack.data(),
      [](void* argument) { helper_main(*static_cast<Engine*>(argument)); }, engine);
  if (result < 0)
    return fail(int(-result), "cannot start Belay's thread: {}", errno_text(int(-result)));
  return {};
}

}  // namespace

Status start_engine(const StorePosition& position) {
  BELAY_ASSIGN(Engine * engine, make_engine(position));
  return launch(engine);
}

void start_engine_restored(RestoredArguments* arguments) {
  forget_raw_threads();
  g_shared.lock_fd = arguments->lock_fd;
  if (arguments->config != nullptr)
    memcpy(&g_shared.config, arguments->config, sizeof g_shared.config);
  if (arguments->exempt_bookkeeping != nullptr) {
    auto bytes = exempt_bookkeeping();
    memcpy(bytes.data(), arguments->exempt_bookkeeping, bytes.size());
  }
  set_crash_point(arguments->crash_at);
  g_shared.given.count = arguments->given_count;
  memcpy(g_shared.given.fd, arguments->given, sizeof g_shared.given.fd);
  refresh(g_shared.given);
  StorePosition position{arguments->sequence, arguments->generation, arguments->segments,
                         arguments->end_offset, arguments->base_bytes};
  auto engine =
      make_engine(position, static_cast<const LazyFill*>(arguments->lazy), arguments->store_fd);
  Status status = engine ? Status{} : tl::make_unexpected(engine.error());
  if (status) {
    (*engine)->restored = true;
    (*engine)->restored_from = *arguments;
    (*engine)->restored_from.self = arguments;
    status = launch(*engine);
  }
  if (status) return;
  log(LogLevel::kError, "restored, but cannot go on: {}", status.error().message);
  sys::call(SYS_exit_group, 70);
}

void stop_engine() {
  if (g_engine == nullptr) return;
  __atomic_store_n(&g_engine->quit, 1, __ATOMIC_RELEASE);
  request_checkpoint();
  join_raw_thread(&g_engine->helper);
  g_engine->writer.close();
  g_engine->tracker.close();
  g_engine->pages.close();
  g_spare_zone = g_engine->zone;
  g_engine = nullptr;
}

uint32_t request_checkpoint() {
  uint32_t number = __atomic_add_fetch(&g_shared.requests, 1, __ATOMIC_ACQ_REL);
  sys::futex_wake(&g_shared.requests);
  return number;
}

void leave_engine_in_child() {
  g_shared.active = false;
  if (g_engine == nullptr) return;
  for (size_t i = 0; i < g_engine->own_fd_count; i++) sys::call(SYS_close, g_engine->own_fds[i]);
  g_engine = nullptr;
  forget_raw_threads();
}

}  // namespace belay
