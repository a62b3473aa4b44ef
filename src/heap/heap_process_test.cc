// Goal: what takes a process of its own: the limit, a small address space, fork in a threaded
// program.
#include <errno.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "belay/checkpoint_restore.h"
#include "heap/heap.h"

namespace belay {
namespace {

// Runs `body` in a fresh process in which the heap was never used; it returns 0, or the line of
// what went wrong.
void in_a_new_process(const std::function<int()>& body) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(_exit(body() == 0 ? 0 : 1), testing::ExitedWithCode(0), "");
}

#define REQUIRE(condition)                                                       \
  do                                                                             \
    if (!(condition)) {                                                          \
      dprintf(2, "line %d: %s; crerror: %s\n", __LINE__, #condition, crerror()); \
      return __LINE__;                                                           \
    }                                                                            \
  while (0)

// Takes blocks until refused; returns how many bytes that were.
size_t take_all(size_t bytes, std::vector<void*>* out) {
  while (void* block = crmalloc(bytes)) out->push_back(block);
  return out->size() * bytes;
}

TEST(HeapLimitDeathTest, IsKeptAndRecoveredFrom) {
  in_a_new_process([] {
    constexpr size_t kLimit = 64 << 20;
    REQUIRE(heap_configure(kLimit).has_value());
    for (size_t bytes : {size_t{100}, size_t{5000}, size_t{100'000}, size_t{1} << 20}) {
      std::vector<void*> blocks;
      size_t taken = take_all(bytes, &blocks);
      REQUIRE(errno == ENOMEM);
      REQUIRE(strstr(crerror(), "limit") != nullptr);
      REQUIRE(taken <= kLimit && taken >= kLimit / 4 * 3);
      for (void* block : blocks) crfree(block);
    }
    REQUIRE(crmalloc(kLimit + 1) == nullptr);
    return 0;
  });
}

TEST(HeapLimitDeathTest, EnvironmentWins) {
  in_a_new_process([] {
    setenv("BELAY_HEAP_MAX", "32M", 1);
    REQUIRE(heap_configure(size_t{1} << 30).has_value());
    std::vector<void*> blocks;
    REQUIRE(take_all(1 << 20, &blocks) <= 32 << 20);
    setenv("BELAY_HEAP_MAX", "lots", 1);
    REQUIRE(heap_configure(0).error().code == EINVAL);
    unsetenv("BELAY_HEAP_MAX");
    REQUIRE(heap_configure(4096).error().code == EINVAL);
    REQUIRE(heap_configure(size_t{1} << 30).error().code == EBUSY);
    REQUIRE(heap_configure(size_t{16} << 20).has_value());
    return 0;
  });
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these need the space
TEST(HeapLimitDeathTest, TakesLessAddressSpaceWhenRefused) {
  in_a_new_process([] {
    rlimit limit{size_t{2} << 30, size_t{2} << 30};
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
    void* block = crmalloc(100 << 20);
    REQUIRE(block != nullptr);
    memset(block, 1, 100 << 20);
    struct crheap_stats stats;
    REQUIRE(belay_crheap_stats(&stats) == 0);
    REQUIRE(stats.reserved_bytes < size_t{2} << 30);
    return 0;
  });
}

TEST(HeapLimitDeathTest, SaysThatThereIsNoAddressSpace) {
  in_a_new_process([] {
    rlimit limit{1 << 20, 1 << 20};
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
    REQUIRE(crmalloc(1) == nullptr);
    REQUIRE(errno == ENOMEM);
    REQUIRE(strstr(crerror(), "address space") != nullptr);
    return 0;
  });
}
#endif

TEST(HeapFork, ChildCanAllocateWhileOthersDid) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      std::vector<void*> blocks(64);
      for (size_t i = 0; !stop; i = (i + 1) % blocks.size()) {
        crfree(blocks[i]);
        blocks[i] = crmalloc(16 << i % 15);
      }
      for (void* block : blocks) crfree(block);
    });
  for (int round = 0; round < 15; ++round) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      alarm(20);  // a lock left locked must not hang the test
      std::vector<void*> blocks;
      for (size_t i = 0; i < 2000; ++i) {
        void* block = crmalloc(16 << i % 15);
        if (block == nullptr) _exit(2);
        memset(block, 1, 16);
        blocks.push_back(block);
      }
      for (void* block : blocks) crfree(block);
      void* exempt = belay_exempt_malloc(100);
      belay_exempt_free(exempt);
      _exit(exempt != nullptr && belay_crroot_get("no such root") == nullptr ? 0 : 3);
    }
    int status;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace belay
