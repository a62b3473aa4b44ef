// The frame of the measured programs of region_bench: one measurement each, so that one leaves
// nothing to the next.
//
// usage: region_worker_X METHOD KERNEL keep|undo|stop ENTRIES SAMPLES
//   prints a line a sample: nanoseconds a region, or of its end alone (stop)
#pragma once

#include <sys/mman.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "region_kernels.h"

constexpr int kExitSkip = 77;

struct Measurement {
  const char *method, *kernel;
  bool undo, stop;  // stop: only the region's end is timed
  size_t entries;
  int samples;
  uint64_t* words;
  uint32_t at[kWords];

  bool is(const char* wanted) const { return strcmp(method, wanted) == 0; }
  bool on(const char* wanted) const { return strcmp(kernel, wanted) == 0; }
};

inline double clock_ns(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return double(now.tv_sec) * 1e9 + double(now.tv_nsec);
}

// Prints the samples of what `once` does. Processor time, since other jobs share the machine; by
// the wall where the work is another process's.
template <class Once>
void sample(const Measurement& m, Once once, clockid_t clock = CLOCK_THREAD_CPUTIME_ID) {
  constexpr double kSampleNs = 300e3;
  // First faults and a log's opening would pass for a batch that is long enough.
  for (int i = 0; i < 3; i++) once();
  size_t batch = 1;
  for (;; batch *= 2) {
    double start = clock_ns(clock);
    for (size_t i = 0; i < batch; i++) once();
    if (clock_ns(clock) - start >= kSampleNs) break;
  }
  for (int s = 0; s < m.samples; s++) {
    double start = clock_ns(clock);
    for (size_t i = 0; i < batch; i++) once();
    printf("%.4f\n", (clock_ns(clock) - start) / double(batch));
  }
}

// `start` begins and works, `stop` is timed, less what reading the clock takes.
template <class Start, class Stop>
void sample_stop(const Measurement& m, Start start, Stop stop) {
  for (int s = -3; s < m.samples; s++) {
    start();
    double before = clock_ns(CLOCK_MONOTONIC), again = clock_ns(CLOCK_MONOTONIC);
    stop();
    double ns = clock_ns(CLOCK_MONOTONIC) - again - (again - before);
    if (s >= 0) printf("%.4f\n", ns > 0 ? ns : 0);
  }
}

inline Measurement parse(int argc, char** argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: %s METHOD KERNEL keep|undo|stop ENTRIES SAMPLES\n", argv[0]);
    exit(64);
  }
  Measurement m = {argv[1],
                   argv[2],
                   strcmp(argv[3], "keep") != 0,
                   strcmp(argv[3], "stop") == 0,
                   strtoull(argv[4], nullptr, 10),
                   atoi(argv[5]),
                   nullptr,
                   {}};
  if (m.stop) m.undo = false;
  m.words = static_cast<uint64_t*>(mmap(nullptr, kWords * sizeof(uint64_t), PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (m.words == MAP_FAILED) exit(1);
  memset(m.words, 1, kWords * sizeof(uint64_t));
  uint32_t place = 1;
  for (uint32_t& at : m.at) at = (place = place * 1664525 + 1013904223) >> 22;
  return m;
}
