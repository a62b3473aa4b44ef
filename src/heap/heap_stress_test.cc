// Goal: whatever is asked of the heap, blocks never overlap and keep what was written to them:
// many small, few huge, mixed, from one thread and from many that free each other's blocks.
#include <gtest/gtest.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "belay/checkpoint_restore.h"

namespace belay {
namespace {

uint64_t seed() {
  static uint64_t value = [] {
    const char* given = getenv("BELAY_SEED");
    uint64_t chosen = given != nullptr ? strtoull(given, nullptr, 0) : std::random_device{}();
    printf("replay with BELAY_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    return chosen;
  }();
  return value;
}

// A block whose every eighth byte follows from its address and size, so that an overlap shows.
struct Patterned {
  unsigned char* data = nullptr;
  size_t bytes = 0;

  unsigned char value(size_t i) const {
    return static_cast<unsigned char>((reinterpret_cast<uintptr_t>(data) >> 4) * 31 + bytes + i);
  }
  void write() {
    for (size_t i = 0; i < bytes; i += 8) data[i] = value(i);
    if (bytes > 0) data[bytes - 1] = value(bytes - 1);
  }
  bool intact() const {
    for (size_t i = 0; i < bytes; i += 8)
      if (i != bytes - 1 && data[i] != value(i)) return false;
    return bytes == 0 || data[bytes - 1] == value(bytes - 1);
  }
};

using Random = std::mt19937_64;
using Sizes = size_t (*)(Random&);

size_t many_small(Random& random) { return random() % 200; }
size_t few_huge(Random& random) { return (1 << 20) + random() % (32 << 20); }
size_t mixed(Random& random) {
  return random() % (size_t{2} << random() % 20);  // every magnitude is equally likely
}

Patterned make(Random& random, Sizes sizes) {
  Patterned block;
  block.bytes = sizes(random);
  switch (random() % 8) {
    case 0:
      block.data = static_cast<unsigned char*>(crcalloc(1, block.bytes));
      for (size_t i = 0; i < block.bytes; i += 61)
        if (block.data[i] != 0) ADD_FAILURE() << "calloc is not zero";
      break;
    case 1:
      block.data = static_cast<unsigned char*>(crmemalign(size_t{1} << random() % 16, block.bytes));
      break;
    default:
      block.data = static_cast<unsigned char*>(crmalloc(block.bytes));
  }
  if (block.data == nullptr) ADD_FAILURE() << crerror();
  block.write();
  return block;
}

void check_and_free(Patterned block) {
  if (!block.intact()) ADD_FAILURE() << "a block of " << block.bytes << " bytes was overwritten";
  crfree(block.data);
}

void resize(Patterned& block, Random& random, Sizes sizes) {
  size_t bytes = sizes(random) + 1;
  if (!block.intact()) ADD_FAILURE() << "overwritten before realloc";
  std::vector<unsigned char> head(block.data,
                                  block.data + std::min({bytes, block.bytes, size_t{99}}));
  block.data = static_cast<unsigned char*>(crrealloc(block.data, bytes));
  block.bytes = bytes;
  if (!std::equal(head.begin(), head.end(), block.data)) ADD_FAILURE() << "realloc lost contents";
  block.write();
}

void churn(uint64_t own_seed, Sizes sizes, size_t live, size_t steps) {
  Random random(own_seed);
  std::vector<Patterned> blocks(live);
  for (size_t step = 0; step < steps; ++step) {
    Patterned& block = blocks[random() % live];
    if (block.data != nullptr && random() % 4 == 0) {
      resize(block, random, sizes);
      continue;
    }
    if (block.data != nullptr) check_and_free(block);
    block = make(random, sizes);
  }
  for (Patterned& block : blocks)
    if (block.data != nullptr) check_and_free(block);
}

TEST(HeapStress, ManySmall) { churn(seed(), many_small, 20'000, 300'000); }
TEST(HeapStress, FewHuge) { churn(seed() + 1, few_huge, 6, 150); }
TEST(HeapStress, Mixed) { churn(seed() + 2, mixed, 1'000, 30'000); }

TEST(HeapStress, MixedInThreads) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 8; ++t)
    threads.emplace_back([t] { churn(seed() + 100 + t, mixed, 200, 6'000); });
  for (std::thread& thread : threads) thread.join();
}

// A place where threads leave blocks for others to free.
class Exchange {
 public:
  Patterned swap(Random& random, Patterned block) {
    size_t slot = random() % kSlots;
    std::lock_guard guard(locks_[slot % 16]);
    std::swap(block, slots_[slot]);
    return block;
  }
  void clear() {
    for (Patterned& block : slots_)
      if (block.data != nullptr) check_and_free(block);
  }

 private:
  static constexpr size_t kSlots = 4'096;
  Patterned slots_[kSlots];
  std::mutex locks_[16];
};

uint64_t live_blocks() {
  struct crheap_stats stats;
  belay_crheap_stats(&stats);
  return stats.allocations;
}

// Threads free what others made, end, and others come after them; nothing is lost on the way.
TEST(HeapStress, CrossThreadFreesAndThreadsThatEnd) {
  static Exchange exchange;
  uint64_t before = live_blocks();
  for (unsigned generation = 0; generation < 6; ++generation) {
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 8; ++t)
      threads.emplace_back([=] {
        Random random(seed() + 1'000 * generation + t);
        for (int step = 0; step < 4'000; ++step) {
          Patterned old = exchange.swap(random, make(random, mixed));
          if (old.data != nullptr) check_and_free(old);
        }
      });
    for (std::thread& thread : threads) thread.join();
  }
  exchange.clear();
  EXPECT_EQ(live_blocks(), before);
}

// What ended threads leave is used again rather than left lying.
TEST(HeapStress, ThreadsThatComeAndGoNeedNoMoreAndMore) {
  auto generation = [] {
    std::vector<void*> left(2'000);
    std::thread([&] {
      for (size_t i = 0; i < left.size(); ++i) left[i] = crmalloc(16 + i % 2'000);
    }).join();
    for (void* block : left) crfree(block);  // after its owner has ended
  };
  struct crheap_stats first, last;
  for (int i = 0; i < 5; ++i) generation();
  belay_crheap_stats(&first);
  for (int i = 0; i < 200; ++i) generation();
  belay_crheap_stats(&last);
  EXPECT_LE(last.committed_bytes, first.committed_bytes + (4 << 20));
}

TEST(HeapStress, AThousandThreads) {
  std::atomic<unsigned> done{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 1'000; ++t)
    threads.emplace_back([&, t] {
      churn(seed() + 10'000 + t, many_small, 20, 200);
      ++done;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 1'000u);
}

}  // namespace
}  // namespace belay
