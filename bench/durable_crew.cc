#include "durable_crew.h"

#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <numeric>

#include "belay/checkpoint_restore.h"

namespace belay::bench {

void sleep_until_ns(uint64_t deadline_ns) {
  timespec deadline = {time_t(deadline_ns / 1'000'000'000), long(deadline_ns % 1'000'000'000)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr);
}

uint64_t compute_a_little(uint64_t seed) {
  for (int i = 0; i < 200; ++i) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
  }
  return seed;
}

BenchHeap::BenchHeap(HeapKind kind, size_t bytes) : blocks_(bytes / kBlockBytes) {
  for (char*& block : blocks_) {
    void* memory = kind == HeapKind::kCrmalloc ? belay_crmalloc(kBlockBytes) : malloc(kBlockBytes);
    if (memory == nullptr) abort();
    block = static_cast<char*>(memory);
    memset(block, int(&block - blocks_.data()) | 1, kBlockBytes);
  }
}

Crew::Crew(const BenchHeap& heap, unsigned threads, double dirty_share, uint64_t interval_ns)
    : heap_(heap) {
  uint64_t each = heap.page_count() / threads;
  double pages_per_ns = dirty_share * double(each) / double(interval_ns);
  for (unsigned t = 0; t < threads; ++t) {
    members_.push_back(std::make_unique<Member>());
    members_.back()->first_page = t * each;
    members_.back()->page_count = each;
  }
  for (auto& member : members_)
    threads_.emplace_back([this, &member, pages_per_ns] { compute(*member, pages_per_ns); });
}

Crew::~Crew() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
}

void Crew::compute(Member& self, double pages_per_ns) {
  constexpr uint64_t kBurst = 64;  // after it stood still, a thread catches up little by little
  uint64_t last = now_ns(), longest = 0, seed = self.first_page + 1, window = 0;
  double due = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    seed = compute_a_little(seed);
    uint64_t now = now_ns();
    longest = std::max(longest, now - last);
    due += double(now - last) * pages_per_ns;
    last = now;
    if (uint64_t count = std::min(uint64_t(due), kBurst); count > 0) {
      write_pages(self, count);
      due -= double(count);
    }
    self.loops.store(self.loops.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (uint64_t present = window_.load(std::memory_order_acquire); present != window) {
      self.longest_gap_ns.store(longest, std::memory_order_relaxed);
      self.window.store(window = present, std::memory_order_release);
      longest = 0;
    }
  }
  static std::atomic<uint64_t> sink;
  sink += seed;
}

void Crew::write_pages(Member& self, uint64_t count) {
  // A step near the golden section spreads the pages and, being coprime, meets every one.
  uint64_t step = uint64_t(double(self.page_count) * 0.618);
  while (std::gcd(step, self.page_count) != 1) ++step;
  for (; count > 0; --count) {
    self.next_page = (self.next_page + step) % self.page_count;
    auto* word = reinterpret_cast<volatile uint64_t*>(heap_.page(self.first_page + self.next_page));
    *word = *word + 1;
  }
}

uint64_t Crew::next_window() {
  uint64_t window = window_.fetch_add(1, std::memory_order_acq_rel) + 1;
  uint64_t longest = 0;
  for (auto& member : members_) {
    while (member->window.load(std::memory_order_acquire) != window)
      sleep_until_ns(now_ns() + 100'000);
    longest = std::max(longest, member->longest_gap_ns.load(std::memory_order_relaxed));
  }
  return longest;
}

uint64_t Crew::work() const {
  uint64_t loops = 0;
  for (auto& member : members_) loops += member->loops.load(std::memory_order_relaxed);
  return loops;
}

}  // namespace belay::bench
