// crmalloc beside glibc's malloc, jemalloc and mimalloc: the same workloads, each measurement in a
// process of its own (the peers preloaded into it), the allocators taking turns.
//
// usage: heap_bench [--quick]                  prints a row of JSON a workload
//        heap_bench --worker WORKLOAD MODE     prints CPU nanoseconds an operation (for the above)
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "belay/checkpoint_restore.h"
#include "row.h"

namespace {

using belay::bench::quantile;

constexpr double kOnPar = 1.05;  // of the best peer: what repeated runs differ by anyway
constexpr int kExitSkip = 77;

struct Allocator {
  void* (*allocate)(size_t);
  void (*release)(void*);
  void* (*resize)(void*, size_t);
};

// Cheap enough not to be what is measured.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  uint32_t operator()() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<uint32_t>(state_ >> 32);
  }

 private:
  uint64_t state_;
};

// Every workload returns how many operations it did: pairs of allocation and release.
using Workload = size_t (*)(const Allocator&, size_t scale);

void touch(void* block) { *static_cast<volatile char*>(block) = 1; }

// Replaces random ones of 10,000 live objects of 16 to 512 bytes.
size_t small_replace(const Allocator& a, size_t scale) {
  size_t count = 500'000 * scale;
  std::vector<void*> live(10'000);
  Random random(1);
  for (size_t i = 0; i < count; ++i) {
    void*& slot = live[random() % live.size()];
    a.release(slot);
    slot = a.allocate(16 + random() % 497);
    touch(slot);
  }
  for (void* block : live) a.release(block);
  return count;
}

// Builds a list of nodes, then takes it down: the pattern of trees, maps, parsers.
size_t small_build(const Allocator& a, size_t scale) {
  size_t rounds = 4 * scale;
  std::vector<void*> nodes(100'000);
  for (size_t round = 0; round < rounds; ++round) {
    for (void*& node : nodes) touch(node = a.allocate(48));
    for (void* node : nodes) a.release(node);
  }
  return rounds * nodes.size();
}

// After Larson and Krishnan (ISMM 1998): threads replace objects in slots they share, so that most
// objects are freed by another thread than made them.
size_t cross_thread(const Allocator& a, size_t scale, unsigned thread_count, size_t each) {
  std::vector<std::atomic<void*>> slots(4'096);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < thread_count; ++t)
    threads.emplace_back([&, t] {
      Random random(t + 1);
      for (size_t i = 0; i < each * scale; ++i) {
        size_t bytes = random() % 16 == 0 ? 1'024 + random() % 15'360 : 16 + random() % 496;
        void* block = a.allocate(bytes);
        touch(block);
        a.release(slots[random() % slots.size()].exchange(block));
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (auto& slot : slots) a.release(slot);
  return thread_count * each * scale;
}
size_t larson(const Allocator& a, size_t scale) { return cross_thread(a, scale, 4, 100'000); }

// 1,024 threads alive at once, each with 100 objects of its own that it keeps replacing.
size_t thousand_threads(const Allocator& a, size_t scale) {
  constexpr unsigned kThreads = 1'024;
  size_t each = 400 * scale;
  static pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, nullptr, kThreads);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      void* live[100] = {};
      Random random(t + 1);
      pthread_barrier_wait(&barrier);
      for (size_t i = 0; i < each; ++i) {
        void*& slot = live[random() % 100];
        a.release(slot);
        touch(slot = a.allocate(16 + random() % 497));
      }
      for (void* block : live) a.release(block);
    });
  for (std::thread& thread : threads) thread.join();
  pthread_barrier_destroy(&barrier);
  return kThreads * each;
}

// Buffers that grow by half until 8 MiB, as vectors and strings do, several at a time.
size_t growth(const Allocator& a, size_t scale) {
  size_t count = 0;
  for (size_t round = 0; round < 4 * scale; ++round) {
    char* buffers[4] = {};
    size_t filled = 0;
    for (size_t bytes = 16; bytes < 8 << 20; bytes += bytes / 2) {
      for (char*& buffer : buffers) {
        buffer = static_cast<char*>(a.resize(buffer, bytes));
        memset(buffer + filled, 1, bytes - filled);
        ++count;
      }
      filled = bytes;
    }
    for (char* buffer : buffers) a.release(buffer);
  }
  return count;
}

// Blocks of 256 KiB to 8 MiB, a byte of each page written, 16 alive.
size_t large(const Allocator& a, size_t scale) {
  size_t count = 100 * scale;
  std::vector<void*> live(16);
  Random random(1);
  for (size_t i = 0; i < count; ++i) {
    void*& slot = live[random() % live.size()];
    a.release(slot);
    size_t bytes = (256 << 10) + random() % (8 << 20);
    slot = a.allocate(bytes);
    for (size_t at = 0; at < bytes; at += 4096) touch(static_cast<char*>(slot) + at);
  }
  for (void* block : live) a.release(block);
  return count;
}

struct Entry {
  const char* name;
  const char* title;
  Workload run;
  size_t scale;
};
constexpr Entry kWorkloads[] = {
    {"small", "crmalloc: replace small objects, 1 thread", small_replace, 4},
    {"build", "crmalloc: build and take down, 1 thread", small_build, 8},
    {"larson", "crmalloc: mixed sizes freed by others, 4 threads", larson, 4},
    {"threads", "crmalloc: small objects, 1,024 threads", thousand_threads, 2},
    {"growth", "crmalloc: realloc growth to 8 MiB", growth, 4},
    {"large", "crmalloc: large blocks", large, 2},
};

// Processor time of all threads, in the kernel too: what an allocator costs, whoever else runs.
double now_ns() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) * 1e9 + double(now.tv_nsec);
}

// Is malloc of this process the one that was to be preloaded?
bool malloc_is(const char* library) {
  Dl_info info;
  void* symbol = dlsym(RTLD_DEFAULT, "malloc");
  return dladdr(symbol, &info) != 0 && strstr(info.dli_fname, library) != nullptr;
}

int run_worker(const char* name, const char* mode, bool quick) {
  bool cr = strcmp(mode, "crmalloc") == 0;
  if (!cr && !malloc_is(strcmp(mode, "glibc") == 0 ? "libc.so" : mode)) return kExitSkip;
  Allocator allocator = cr ? Allocator{belay_crmalloc, belay_crfree, belay_crrealloc}
                           : Allocator{malloc, free, realloc};
  for (const Entry& entry : kWorkloads) {
    if (strcmp(entry.name, name) != 0) continue;
    size_t scale = quick ? 1 : entry.scale;
    entry.run(allocator, 1);  // past first faults and first threads
    double start = now_ns();
    size_t operations = entry.run(allocator, scale);
    printf("%.3f\n", (now_ns() - start) / double(operations));
    return 0;
  }
  return 1;
}

// One measurement in a process of its own; negative when the peer isn't there.
double measure(const std::string& self, const char* workload, const char* mode, bool quick) {
  std::string preload = strcmp(mode, "jemalloc") == 0   ? "libjemalloc.so.2"
                        : strcmp(mode, "mimalloc") == 0 ? "libmimalloc.so.2"
                                                        : "";
  std::string command = "LD_PRELOAD='" + preload + "' '" + self + "' --worker " + workload + " " +
                        mode + (quick ? " --quick" : "") + " 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  double value = -1;
  bool got = pipe != nullptr && fscanf(pipe, "%lf", &value) == 1;
  int status = pipe != nullptr ? pclose(pipe) : -1;
  if (got && status == 0) return value;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitSkip) return -1;
  fprintf(stderr, "heap_bench: %s with %s failed (status %d)\n", workload, mode, status);
  exit(1);
}

void print_row(const Entry& entry, const std::vector<double>& own,
               const std::vector<std::pair<const char*, double>>& peers) {
  std::string list;
  double best = 0;
  for (auto [name, value] : peers) {
    char text[100];
    snprintf(text, sizeof text, "%s\"%s\": %.2f", list.empty() ? "" : ", ", name, value);
    list += text;
    if (best == 0 || value < best) best = value;
  }
  double value = quantile(own, 0.5), target = best * kOnPar;
  printf(
      "{\"name\": \"%s\", \"unit\": \"CPU ns/op\", \"value\": %.2f, \"p10\": %.2f, \"p90\": %.2f, "
      "\"peers\": {%s}, \"target\": %.2f, \"better\": \"lower\", \"met\": %s}\n",
      entry.title, value, quantile(own, 0.1), quantile(own, 0.9), list.c_str(), target,
      // As printed: the reader of the row compares the rounded figures.
      double(int64_t(value * 100 + 0.5)) <= double(int64_t(target * 100 + 0.5)) ? "true" : "false");
  fflush(stdout);
}

void run_all(const std::string& self, bool quick) {
  const char* const modes[] = {"crmalloc", "glibc", "jemalloc", "mimalloc"};
  int repetitions = quick ? 3 : 15;
  for (const Entry& entry : kWorkloads) {
    std::vector<double> values[4];
    for (int i = 0; i < repetitions; ++i)
      for (int m = 0; m < 4; ++m) {
        double value = measure(self, entry.name, modes[m], quick);
        if (value >= 0) values[m].push_back(value);
      }
    std::vector<std::pair<const char*, double>> peers;
    for (int m = 1; m < 4; ++m)
      if (!values[m].empty()) peers.push_back({modes[m], quantile(values[m], 0.5)});
    print_row(entry, values[0], peers);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = argc > 1 && strcmp(argv[argc - 1], "--quick") == 0;
  if (argc >= 4 && strcmp(argv[1], "--worker") == 0) return run_worker(argv[2], argv[3], quick);
  char self[4096];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length < 0) return 1;
  self[length] = '\0';
  run_all(self, quick);
  return 0;
}
