// Goal: crmalloc behaves as malloc does: sizes, alignment, realloc, zeroing, refusal, statistics.
#include "heap/heap.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <stdint.h>
#include <string.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "belay/checkpoint_restore.h"
#include "heap/heap_limit.h"
#include "heap/size_class.h"

namespace belay {
namespace {

bool all_are(const void* block, size_t bytes, unsigned char value) {
  auto* at = static_cast<const unsigned char*>(block);
  return std::all_of(at, at + bytes, [&](unsigned char c) { return c == value; });
}

const std::vector<size_t> kSizes = {0,    1,    15,     16,      17,      128,     129,    1024,
                                    1025, 8192, 65'536, 131'073, 262'144, 262'145, 5 << 20};

TEST(SizeClass, IsTheSmallestThatHolds) {
  for (size_t bytes = 1; bytes <= kSmallBytesMax; ++bytes) {
    unsigned size_class = size_class_of(bytes);
    ASSERT_GE(class_bytes(size_class), bytes);
    if (size_class > 0) {
      ASSERT_LT(class_bytes(size_class - 1), bytes);
    }
    ASSERT_EQ(class_bytes(size_class) % 16, 0u);
  }
}

TEST(Heap, GivesUsableDistinctBlocks) {
  std::vector<std::pair<char*, size_t>> blocks;
  for (int round = 0; round < 20; ++round)
    for (size_t bytes : kSizes) {
      auto* block = static_cast<char*>(crmalloc(bytes));
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 16, 0u);
      ASSERT_GE(crmalloc_usable_size(block), bytes);
      memset(block, int(blocks.size() % 251), crmalloc_usable_size(block));
      blocks.push_back({block, crmalloc_usable_size(block)});
    }
  for (size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_TRUE(all_are(blocks[i].first, blocks[i].second, static_cast<unsigned char>(i % 251)));
    crfree(blocks[i].first);
  }
}

TEST(Heap, LiesInItsRange) {
  void* block = crmalloc(100);
  auto address = reinterpret_cast<uintptr_t>(block);
  EXPECT_GE(address, heap_range().begin);
  EXPECT_LT(address, heap_range().end);
  crfree(block);
}

TEST(Heap, FreesNull) {
  crfree(nullptr);
  belay_exempt_free(nullptr);
  EXPECT_EQ(crmalloc_usable_size(nullptr), 0u);
}

TEST(Heap, AlignsToAnyPowerOfTwo) {
  for (size_t alignment = 1; alignment <= size_t{16} << 20; alignment *= 2)
    for (size_t bytes : kSizes) {
      void* block = crmemalign(alignment, bytes);
      ASSERT_NE(block, nullptr) << alignment << " " << bytes;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignment, 0u);
      EXPECT_GE(crmalloc_usable_size(block), bytes);
      memset(block, 1, bytes);
      crfree(block);
    }
  EXPECT_EQ(crmemalign(24, 100), nullptr);
  EXPECT_EQ(errno, EINVAL);
}

TEST(Heap, ReallocKeepsTheContents) {
  for (size_t from : kSizes)
    for (size_t to : kSizes) {
      if (to == 0) continue;
      void* block = crmalloc(from);
      memset(block, 0x5a, from);
      block = crrealloc(block, to);
      ASSERT_NE(block, nullptr);
      EXPECT_GE(crmalloc_usable_size(block), to);
      EXPECT_TRUE(all_are(block, std::min(from, to), 0x5a)) << from << " to " << to;
      crfree(block);
    }
}

TEST(Heap, ReallocAtItsEdges) {
  void* block = crrealloc(nullptr, 10);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(crrealloc(block, 0), nullptr) << "frees, as in glibc";
  block = crmalloc(10);
  memset(block, 7, 10);
  EXPECT_EQ(crrealloc(block, SIZE_MAX / 2 + 1), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  EXPECT_TRUE(all_are(block, 10, 7)) << "what could not grow is still there";
  crfree(block);
}

TEST(Heap, ReallocGrowsLargeBlocksInPlaceMostly) {
  void* block = crmalloc(1 << 20);
  int moves = 0;
  for (size_t bytes = 1 << 20; bytes < 64 << 20; bytes += 1 << 20) {
    void* grown = crrealloc(block, bytes);
    moves += grown != block;
    block = grown;
  }
  EXPECT_LE(moves, 2);
  crfree(block);
}

TEST(Heap, CallocIsZeroAfterReuse) {
  for (size_t bytes : kSizes) {
    std::vector<void*> dirty;
    for (int i = 0; i < 40; ++i) {
      dirty.push_back(crmalloc(bytes));
      memset(dirty.back(), 0xff, crmalloc_usable_size(dirty.back()));
    }
    for (void* block : dirty) crfree(block);
    for (void*& block : dirty) {
      block = crcalloc(1, bytes);
      ASSERT_TRUE(all_are(block, bytes, 0)) << bytes;
    }
    for (void* block : dirty) crfree(block);
  }
}

TEST(Heap, CallocRefusesAnOverflow) {
  errno = 0;
  volatile size_t many = SIZE_MAX / 8 + 2;
  EXPECT_EQ(crcalloc(many, 8), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  EXPECT_NE(strstr(crerror(), "crcalloc"), nullptr) << crerror();
}

TEST(Heap, RefusesWhatCanNotBe) {
  volatile size_t most = SIZE_MAX;
  for (size_t bytes : {most - 0, most - 70'000, most / 2, size_t{1} << 60}) {
    errno = 0;
    EXPECT_EQ(crmalloc(bytes), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_EQ(crmemalign(4096, bytes), nullptr);
    EXPECT_EQ(crmemalign(size_t{1} << 62, bytes), nullptr);
  }
}

TEST(Heap, StatisticsFollowWhatLives) {
  struct crheap_stats before, during, after;
  ASSERT_EQ(belay_crheap_stats(&before), 0);
  std::vector<void*> blocks;
  size_t bytes = 0;
  for (size_t size : kSizes) {
    blocks.push_back(crmalloc(size));
    bytes += crmalloc_usable_size(blocks.back());
  }
  belay_crheap_stats(&during);
  EXPECT_EQ(during.allocations - before.allocations, kSizes.size());
  EXPECT_EQ(during.allocated_bytes - before.allocated_bytes, bytes);
  EXPECT_GE(during.committed_bytes, during.allocated_bytes);
  EXPECT_GE(during.reserved_bytes, during.committed_bytes);
  for (void* block : blocks) crfree(block);
  belay_crheap_stats(&after);
  EXPECT_EQ(after.allocations, before.allocations);
  EXPECT_EQ(after.allocated_bytes, before.allocated_bytes);
  EXPECT_EQ(belay_crheap_stats(nullptr), -1);
  EXPECT_EQ(errno, EINVAL);
}

TEST(Heap, GivesIdleMemoryBack) {
  constexpr size_t kBytes = size_t{512} << 20;
  struct crheap_stats during, after;
  void* block = crmalloc(kBytes);
  belay_crheap_stats(&during);
  crfree(block);
  belay_crheap_stats(&after);
  EXPECT_LT(after.committed_bytes, during.committed_bytes - kBytes / 2);
  std::vector<void*> small;
  for (size_t i = 0; i < kBytes / 4096; ++i) small.push_back(crmalloc(4096));
  belay_crheap_stats(&during);
  for (void* piece : small) crfree(piece);
  belay_crheap_stats(&after);
  EXPECT_LT(after.committed_bytes, during.committed_bytes - kBytes / 2);
}

TEST(HeapDeathTest, CatchesAFreeTwice) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        void* block = crmalloc(1 << 20);
        crfree(block);
        crfree(block);
      },
      "free");
  EXPECT_DEATH(
      {
        void* block = crmalloc(3000);
        crfree(block);
        crfree(block);
      },
      "free already");
}

TEST(HeapDeathTest, CatchesAForeignPointer) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  int variable = 0;
  EXPECT_DEATH(crfree(&variable), "never returned");
  EXPECT_DEATH(crmalloc_usable_size(&variable), "never returned");
}

TEST(HeapLimit, ReadsSuffixes) {
  EXPECT_EQ(parse_heap_bytes("1000").value(), 1000u);
  EXPECT_EQ(parse_heap_bytes("64k").value(), 65'536u);
  EXPECT_EQ(parse_heap_bytes("3M").value(), size_t{3} << 20);
  EXPECT_EQ(parse_heap_bytes("2G").value(), size_t{2} << 30);
  EXPECT_EQ(parse_heap_bytes("1T").value(), size_t{1} << 40);
  for (const char* bad : {"", "G", "1X", "1GB", "-1", "99999999999999999999", "99999999999T"})
    EXPECT_EQ(parse_heap_bytes(bad).error().code, EINVAL) << bad;
}

}  // namespace
}  // namespace belay
