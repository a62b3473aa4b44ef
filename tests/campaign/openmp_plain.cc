// A program that knows nothing of Belay and has its threads from OpenMP and from std::thread: teams
// that wait at barriers, a queue between producers and consumers, futures. Its output does not
// depend on who was faster.
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

namespace {

uint64_t mix(uint64_t x) {
  x ^= x >> 31;
  x *= 0x9e3779b97f4a7c15;
  return x ^ x >> 29;
}

uint64_t team_round(uint64_t seed, std::vector<uint64_t>& cells) {
  uint64_t sum = 0;
#pragma omp parallel num_threads(4)
  {
#pragma omp for schedule(dynamic, 500)
    for (size_t i = 0; i < cells.size(); i++)
      for (int step = 0; step < 40; step++) cells[i] = mix(cells[i] + seed);
#pragma omp for schedule(static) reduction(+ : sum)
    for (size_t i = 0; i < cells.size(); i++) sum += cells[i] * (i + 1);
  }
  return sum;
}

class Queue {
 public:
  void put(uint64_t item) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return items_.size() < 16; });
    items_.push_back(item);
    any_.notify_one();
  }
  uint64_t take() {
    std::unique_lock lock(mutex_);
    any_.wait(lock, [&] { return !items_.empty(); });
    uint64_t item = items_.front();
    items_.pop_front();
    room_.notify_one();
    return item;
  }

 private:
  std::mutex mutex_;
  std::condition_variable room_, any_;
  std::deque<uint64_t> items_;
};

uint64_t queue_round(uint64_t seed) {
  constexpr int kItems = 4000;
  Queue queue;
  auto produce = [&](uint64_t first) {
    for (int i = 0; i < kItems; i++) queue.put(mix(first + uint64_t(i)));
  };
  std::thread one(produce, seed), two(produce, ~seed);
  auto consume = [&] {
    uint64_t sum = 0;
    for (int i = 0; i < kItems; i++) sum += mix(queue.take());
    return sum;
  };
  auto first = std::async(std::launch::async, consume);
  auto second = std::async(std::launch::async, consume);
  one.join();
  two.join();
  return first.get() + second.get();
}

}  // namespace

int main() {
  std::vector<uint64_t> cells(100'000);
  for (uint64_t round = 1; round <= 120; round++) {
    uint64_t team = team_round(round, cells), queue = queue_round(team);
    printf("%3d %016lx %016lx\n", int(round), team, queue);
    fflush(stdout);
  }
}
