// Goal: a name finds its pointer again, from any thread, within the documented limits; exempt
// memory is memory of its own.
#include <errno.h>
#include <gtest/gtest.h>
#include <string.h>

#include <string>
#include <thread>
#include <vector>

#include "belay/checkpoint_restore.h"
#include "heap/heap.h"

namespace belay {
namespace {

TEST(Roots, SetFindReplaceRemove) {
  int a, b;
  EXPECT_EQ(crroot_get("tree"), nullptr);
  EXPECT_EQ(crroot_set("tree", &a), 0);
  EXPECT_EQ(crroot_get("tree"), &a);
  EXPECT_EQ(crroot_set("tree", &b), 0);
  EXPECT_EQ(crroot_get("tree"), &b);
  EXPECT_EQ(crroot_set("tree", nullptr), 0);
  EXPECT_EQ(crroot_get("tree"), nullptr);
}

TEST(Roots, RefusesBadNames) {
  int a;
  std::string longest(63, 'n');
  EXPECT_EQ(crroot_set(longest.c_str(), &a), 0);
  EXPECT_EQ(crroot_get(longest.c_str()), &a);
  EXPECT_EQ(crroot_set(longest.c_str(), nullptr), 0);
  for (const char* bad :
       {static_cast<const char*>(nullptr), "",
        "a name of sixty-four bytes, which is one more than there is room for...."}) {
    errno = 0;
    EXPECT_EQ(crroot_set(bad, &a), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_NE(strstr(crerror(), "name"), nullptr) << crerror();
  }
}

TEST(Roots, HasRoomFor256) {
  int a;
  for (int i = 0; i < 256; ++i) ASSERT_EQ(crroot_set(std::to_string(i).c_str(), &a + i), 0);
  EXPECT_EQ(crroot_set("one more", &a), -1);
  EXPECT_EQ(errno, ENOSPC);
  for (int i = 0; i < 256; ++i) EXPECT_EQ(crroot_get(std::to_string(i).c_str()), &a + i);
  for (int i = 0; i < 256; ++i) crroot_set(std::to_string(i).c_str(), nullptr);
  EXPECT_EQ(crroot_set("one more", &a), 0);
  crroot_set("one more", nullptr);
}

TEST(Roots, AreThreadSafe) {
  static int places[8];
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([t] {
      std::string name = "thread " + std::to_string(t);
      for (int i = 0; i < 1'000; ++i) {
        crroot_set(name.c_str(), &places[t]);
        EXPECT_EQ(crroot_get(name.c_str()), &places[t]);
        crroot_set(name.c_str(), nullptr);
        EXPECT_EQ(crroot_get(name.c_str()), nullptr);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(Exempt, LiesInAnArenaOfItsOwn) {
  std::vector<void*> blocks;
  for (size_t bytes : {1, 100, 10'000, 1'000'000}) {
    void* block = belay_exempt_malloc(bytes);
    ASSERT_NE(block, nullptr);
    auto address = reinterpret_cast<uintptr_t>(block);
    EXPECT_GE(address, exempt_range().begin);
    EXPECT_LT(address, exempt_range().end);
    memset(block, 1, bytes);
    blocks.push_back(block);
  }
  std::thread([&] {
    for (void* block : blocks) belay_exempt_free(block);
  }).join();
  EXPECT_EQ(belay_exempt_malloc(size_t{1} << 50), nullptr);
  EXPECT_EQ(errno, ENOMEM);
}

}  // namespace
}  // namespace belay
