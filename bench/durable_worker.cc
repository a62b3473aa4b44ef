#include "durable_worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "belay/checkpoint_restore.h"
#include "durable_crew.h"
#include "durable_disk.h"

namespace belay::bench {
namespace {

constexpr unsigned kThreads = 4;  // where the job names no other number

struct Job {
  HeapKind kind;
  size_t heap_bytes;
  std::vector<double> numbers;  // the further arguments
  std::string text;             // the last, as text
  double number(size_t i) const { return i < numbers.size() ? numbers[i] : 0; }
};

void sample(const char* key, double value) {
  printf("%s %.9g\n", key, value);
  fflush(stdout);
}

[[noreturn]] void give_up(const char* what) {
  fprintf(stderr, "durable_bench: %s: %s\n", what, belay_crerror());
  exit(1);
}

// With malloc's heap the library is preloaded, and has started itself.
void start(const Job& job) {
  if (job.kind != HeapKind::kCrmalloc) return;
  if (belay_crinit(nullptr) != 0) give_up("crinit");
  if (belay_restore() < 0) give_up("restore");
}

struct crstats take() {
  if (belay_checkpoint() < 0) give_up("checkpoint");
  struct crstats stats;
  belay_crstats(&stats);
  return stats;
}

// How often a measurement is repeated: COUNT times, or as often as there is time for.
class Repetitions {
 public:
  Repetitions(double count, double seconds_max)
      : left_(int(count)), end_ns_(now_ns() + uint64_t(seconds_max * 1e9)) {}
  bool next() { return left_-- > 0 && (std::exchange(first_, false) || now_ns() < end_ns_); }

 private:
  int left_;
  uint64_t end_ns_;
  bool first_ = true;
};

const char* store() { return getenv("BELAY_STORE"); }

// pause DIRTY_PERCENT INTERVAL_MS COUNT SECONDS_MAX THREADS
int measure_pause(const Job& job) {
  start(job);
  BenchHeap heap(job.kind, job.heap_bytes);
  auto interval_ns = uint64_t(job.number(1) * 1e6);
  Crew crew(heap, unsigned(job.number(4)), job.number(0) / 100, interval_ns);
  take();  // the first is full
  take();
  uint64_t next = now_ns() + interval_ns, duration = 10'000'000;
  for (Repetitions repeat(job.number(2), job.number(3)); repeat.next();) {
    sleep_until_ns(next - std::min(duration, interval_ns / 2));
    crew.next_window();
    sleep_until_ns(next);
    sample("quiet_gap_ms", double(crew.next_window()) * 1e-6);
    uint64_t started = now_ns();
    struct crstats stats = take();
    duration = now_ns() - started;
    sample("gap_ms", double(crew.next_window()) * 1e-6);
    bool full = stats.written_bytes > job.heap_bytes / 2;
    sample(full ? "full_pause_ms" : "pause_ms", double(stats.pause_ns) * 1e-6);
    if (!full) sample("held_ms", double(stats.held_ns) * 1e-6);
    sample("residue_pages", double(stats.residue_pages));
    if (!full) sample("durable_ms", double(stats.durable_ns) * 1e-6);
    if (!full) sample("written_mib", double(stats.written_bytes) / (1 << 20));
    next = std::max(started + interval_ns, now_ns());
  }
  return 0;
}

// full COUNT SECONDS_MAX, in which every other checkpoint is a full one, and beside each the disk
// by itself.
int measure_full(const Job& job) {
  start(job);
  BenchHeap heap(job.kind, job.heap_bytes);
  auto measure = [&](const char* own, const char* disk) {
    for (Repetitions repeat(job.number(0), job.number(1)); repeat.next();) {
      struct crstats stats = take();
      while (stats.written_bytes < job.heap_bytes / 2) stats = take();
      double seconds = write_sequentially(store(), stats.written_bytes);
      if (seconds <= 0) give_up("the disk by itself");
      sample(own, double(stats.written_bytes) / double(stats.durable_ns));
      sample(disk, double(stats.written_bytes) * 1e-9 / seconds);
    }
  };
  measure("quiet_full_gbps", "quiet_disk_gbps");
  Crew crew(heap, kThreads, 0.01, 250'000'000);
  measure("full_gbps", "disk_gbps");
  return 0;
}

// restore: the first time takes a checkpoint, from then on comes back from it.
int measure_restore(const Job& job) {
  start(job);
  BenchHeap heap(job.kind, job.heap_bytes);
  Crew crew(heap, kThreads, 0.01, 250'000'000);
  int result = belay_checkpoint();
  uint64_t now = now_ns();
  if (result < 0) give_up("checkpoint");
  if (result == 1) sample("first_ms", double(now) * 1e-6);
  _exit(0);
}

// work SECONDS on|off
int measure_work(const Job& job) {
  bool on = job.text == "on";
  if (on) start(job);
  BenchHeap heap(job.kind, job.heap_bytes);
  Crew crew(heap, kThreads, 0.01, 1'000'000'000);
  if (on) take();  // the full one, before the clock starts
  uint64_t begin = now_ns(), before = crew.work();
  uint64_t end = begin + uint64_t(job.number(0) * 1e9);
  for (uint64_t next = begin + 500'000'000; next < end; next += 1'000'000'000) {
    sleep_until_ns(next);
    if (on) take();
  }
  sleep_until_ns(end);
  sample("loops_per_s", double(crew.work() - before) / (double(now_ns() - begin) * 1e-9));
  return 0;
}

// fork COUNT: what fork() costs this heap.
int measure_fork(const Job& job) {
  BenchHeap heap(job.kind, job.heap_bytes);
  Crew crew(heap, kThreads, 0.01, 250'000'000);
  for (int i = 0; i < int(job.number(0)); ++i) {
    uint64_t started = now_ns();
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child < 0) return 1;
    sample("fork_ms", double(now_ns() - started) * 1e-6);
    waitpid(child, nullptr, 0);
    sleep_until_ns(started + 50'000'000);
  }
  return 0;
}

// write COUNT: the program stands still while all of its heap is written.
int measure_write(const Job& job) {
  BenchHeap heap(job.kind, job.heap_bytes);
  for (int i = 0; i < int(job.number(0)); ++i) {
    double seconds = write_heap(store(), heap);
    if (seconds < 0) return 1;
    sample("write_ms", seconds * 1e3);
  }
  return 0;
}

// Threads that wait, in ways that they are not to notice a checkpoint in.
struct Asleep {
  crsem_t semaphore;
  crmutex_t mutex = CRMUTEX_INITIALIZER;
  crcond_t condition = CRCOND_INITIALIZER;
  std::atomic<unsigned> arrived = 0;
  std::atomic<bool> begin = false;  // computing, which would starve whoever makes the threads
};
Asleep g_asleep;

void* wait_for_semaphore(void*) {
  ++g_asleep.arrived;
  for (;;) crsem_wait(&g_asleep.semaphore);
}
void* wait_for_condition(void*) {
  ++g_asleep.arrived;
  crmutex_lock(&g_asleep.mutex);
  for (;;) crcond_wait(&g_asleep.condition, &g_asleep.mutex);
}
void* wait_for_pipe(void* fd) {
  ++g_asleep.arrived;
  char byte;
  for (;;)
    if (read(int(reinterpret_cast<intptr_t>(fd)), &byte, 1) == 0) abort();  // nobody closes it
}
void* compute_for_ever(void*) {
  ++g_asleep.arrived;
  g_asleep.begin.wait(false);
  for (uint64_t seed = 1;;) seed = compute_a_little(seed);
}

intptr_t new_pipe() {
  int ends[2];
  if (pipe(ends) != 0) abort();
  return ends[0];
}

// threads COUNT SECONDS_MAX THREADS wait|mixed
int measure_threads(const Job& job) {
  start(job);
  BenchHeap heap(job.kind, job.heap_bytes);
  rlimit files = {4096, 4096};
  setrlimit(RLIMIT_NOFILE, &files);
  bool mixed = job.text == "mixed";
  auto count = unsigned(job.number(2));
  crsem_init(&g_asleep.semaphore, 0, 0);
  take();
  for (unsigned i = 0; i < count; ++i) {
    crthread_t thread;
    intptr_t fd = mixed && i % 2 == 1 ? new_pipe() : -1;
    auto* role = mixed ? (i % 2 == 0 ? compute_for_ever : wait_for_pipe)
                       : (i % 2 == 0 ? wait_for_semaphore : wait_for_condition);
    if (crthread_create(&thread, nullptr, role, reinterpret_cast<void*>(fd)) != 0) return 1;
  }
  while (g_asleep.arrived != count) sleep_until_ns(now_ns() + 1'000'000);
  take();  // holds the new stacks
  g_asleep.begin = true;
  g_asleep.begin.notify_all();
  for (Repetitions repeat(job.number(0), job.number(1)); repeat.next();) {
    sleep_until_ns(now_ns() + 20'000'000);
    sample("pause_ms", double(take().pause_ns) * 1e-6);
  }
  _exit(0);
}

struct Role {
  const char* name;
  int (*run)(const Job&);
};
constexpr Role kRoles[] = {
    {"pause", measure_pause},     {"full", measure_full}, {"restore", measure_restore},
    {"work", measure_work},       {"fork", measure_fork}, {"write", measure_write},
    {"threads", measure_threads},
};

}  // namespace

int run_worker(int argc, char** argv) {
  if (argc < 3) return EX_USAGE;
  Job job;
  job.kind = strcmp(argv[1], "malloc") == 0 ? HeapKind::kMalloc : HeapKind::kCrmalloc;
  job.heap_bytes = strtoull(argv[2], nullptr, 10) << 20;
  for (int i = 3; i < argc; ++i) job.numbers.push_back(strtod(argv[i], nullptr));
  job.text = argv[argc - 1];
  for (const Role& role : kRoles)
    if (strcmp(role.name, argv[0]) == 0) return role.run(job);
  return EX_USAGE;
}

}  // namespace belay::bench
