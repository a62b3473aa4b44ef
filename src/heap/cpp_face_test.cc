// Goal: belay.hpp is C++ as one knows it: containers live in the arena, roots find them, failures
// throw with a sentence, threads and locks work with the standard library's guards.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <list>
#include <map>
#include <memory_resource>
#include <mutex>
#include <string>
#include <vector>

#include "belay/belay.hpp"
#include "heap/heap.h"

namespace {

bool in_arena(const void* pointer) {
  auto address = reinterpret_cast<uintptr_t>(pointer);
  auto range = belay::heap_range();
  return address >= range.begin && address < range.end;
}

TEST(CppFace, ContainersLiveInTheArena) {
  std::vector<int, belay::allocator<int>> numbers;
  for (int i = 0; i < 10'000; ++i) numbers.push_back(i);
  EXPECT_TRUE(in_arena(numbers.data()));
  EXPECT_EQ(numbers[9'999], 9'999);

  using Pair = std::pair<const int, int>;
  std::map<int, int, std::less<>, belay::allocator<Pair>> map;
  for (int i = 0; i < 1'000; ++i) map[i * 7 % 1'000] = i;
  EXPECT_TRUE(in_arena(&map.begin()->second));
  EXPECT_EQ(map.size(), 1'000u);

  auto copy = numbers;
  EXPECT_EQ(copy, numbers);
  EXPECT_EQ(belay::allocator<int>{}, belay::allocator<char>{});
}

TEST(CppFace, AllocatorKeepsWideAlignment) {
  struct alignas(512) Wide {
    char bytes[512];
  };
  std::list<Wide, belay::allocator<Wide>> list(20);
  for (Wide& wide : list) EXPECT_EQ(reinterpret_cast<uintptr_t>(&wide) % 512, 0u);
}

TEST(CppFace, AllocatorThrows) {
  belay::allocator<uint64_t> allocator;
  volatile size_t many = SIZE_MAX / 8;
  EXPECT_THROW((void)allocator.allocate(many), std::bad_alloc);
  EXPECT_THROW((void)allocator.allocate(many * 2), std::bad_array_new_length);
}

TEST(CppFace, PmrContainersLiveInTheArena) {
  belay::memory_resource arena, other;
  EXPECT_EQ(arena, other);
  EXPECT_NE(static_cast<std::pmr::memory_resource&>(arena), *std::pmr::new_delete_resource());
  std::pmr::vector<std::pmr::string> names(&arena);
  for (int i = 0; i < 500; ++i) names.emplace_back(std::to_string(i) + std::string(30, '.'));
  EXPECT_TRUE(in_arena(names.data()));
  EXPECT_TRUE(in_arena(names[400].data()));
  EXPECT_EQ(names[400].substr(0, 3), "400");
}

TEST(CppFace, RootsAreFoundOrMade) {
  EXPECT_EQ(belay::root<std::string>("words"), nullptr);
  auto& made = belay::make_root<std::string>("words", "hello");
  EXPECT_TRUE(in_arena(&made));
  EXPECT_EQ(&belay::make_root<std::string>("words", "ignored"), &made);
  EXPECT_EQ(*belay::root<std::string>("words"), "hello");
  try {
    belay::make_root<int>(std::string(100, 'n'), 1);
    FAIL() << "a name of 100 bytes was taken";
  } catch (const belay::error& error) {
    EXPECT_EQ(error.code().value(), EINVAL);
    EXPECT_NE(std::string(error.what()).find("63 bytes"), std::string::npos) << error.what();
  }
  belay_crroot_set("words", nullptr);
  std::destroy_at(&made);
  belay_crfree(&made);
}

TEST(CppFace, ThreadsAndLocksCount) {
  belay::mutex mutex;
  int total = 0;
  {
    std::vector<belay::thread> threads;
    for (int t = 1; t <= 4; ++t)
      threads.emplace_back(
          [&](int step) {
            for (int i = 0; i < 1'000; ++i) {
              std::lock_guard guard(mutex);
              total += step;
            }
          },
          t);
  }  // joins
  EXPECT_EQ(total, 10'000);
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(CppFace, ConditionsAndSemaphoresWake) {
  belay::mutex mutex;
  belay::condition_variable ready;
  belay::counting_semaphore answered(0);
  bool asked = false;
  belay::thread helper([&] {
    std::unique_lock lock(mutex);
    ready.wait(lock, [&] { return asked; });
    answered.release();
  });
  {
    std::lock_guard guard(mutex);
    asked = true;
  }
  ready.notify_all();
  answered.acquire();
  helper.join();
  EXPECT_FALSE(helper.joinable());
  EXPECT_THROW(helper.join(), belay::error);
  EXPECT_FALSE(answered.try_acquire());
  EXPECT_FALSE(answered.try_acquire_for(std::chrono::milliseconds(1)));
  std::unique_lock lock(mutex);
  EXPECT_FALSE(ready.wait_for(lock, std::chrono::milliseconds(1), [] { return false; }));
}

TEST(CppFace, OptionsBecomeAttributes) {
  using belay::detail::attributes_of;
  belay::options options{.name = "job", .interval = std::chrono::seconds(2)};
  EXPECT_EQ(attributes_of(options).interval_ms, 2'000u);
  EXPECT_STREQ(attributes_of(options).name, "job");
  EXPECT_EQ(attributes_of(options).store, nullptr) << "left out: the default";
  EXPECT_EQ(attributes_of({.manual = true}).interval_ms, CR_INTERVAL_MANUAL);
  EXPECT_THROW(attributes_of({.interval = std::chrono::milliseconds(0)}), belay::error);
}

}  // namespace
