// What is checkpointed in these measurements: a heap of many blocks, and threads that compute and
// write to its pages at a given rate while they look at the clock.
#pragma once

#include <stdint.h>
#include <time.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace belay::bench {

inline uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
}

void sleep_until_ns(uint64_t deadline_ns);

enum class HeapKind { kCrmalloc, kMalloc };

// Blocks of 64 KiB, every page written. Below malloc's threshold for mappings of their own, so that
// malloc's heap is one.
class BenchHeap {
 public:
  static constexpr size_t kBlockBytes = 64 << 10, kPage = 4096;
  BenchHeap(HeapKind kind, size_t bytes);
  size_t page_count() const { return blocks_.size() * (kBlockBytes / kPage); }
  size_t bytes() const { return page_count() * kPage; }
  char* page(size_t number) const {
    constexpr size_t kEach = kBlockBytes / kPage;
    return blocks_[number / kEach] + number % kEach * kPage;
  }
  const std::vector<char*>& blocks() const { return blocks_; }

 private:
  std::vector<char*> blocks_;
};

// Computing threads, each with a share of the pages as its own. They write to scattered pages, none
// twice before all: `dirty_share` of the heap in `interval_ns`.
class Crew {
 public:
  Crew(const BenchHeap& heap, unsigned threads, double dirty_share, uint64_t interval_ns);
  ~Crew();
  // Starts a window and returns the longest time between two successive readings of the clock in
  // any thread in the window before it, the reading that ends it included.
  uint64_t next_window();
  uint64_t work() const;  // loops of all threads so far

 private:
  struct alignas(64) Member {
    std::atomic<uint64_t> window = 0;  // that the thread has seen
    std::atomic<uint64_t> longest_gap_ns = 0;
    std::atomic<uint64_t> loops = 0;
    uint64_t first_page = 0, page_count = 0, next_page = 0;
  };
  void compute(Member& self, double pages_per_ns);
  void write_pages(Member& self, uint64_t count);

  const BenchHeap& heap_;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> window_ = 0;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::thread> threads_;
};

// Of which the compiler can leave nothing out: some 0.5 us.
uint64_t compute_a_little(uint64_t seed);

}  // namespace belay::bench
