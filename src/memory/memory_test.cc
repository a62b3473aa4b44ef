// Goal: the scan reports exactly the pages that were written, by the program or by the kernel for
// it, since it last asked; the mapping table is the kernel's.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <vector>

#include "memory/dirty.h"
#include "memory/exempt.h"
#include "memory/mappings.h"
#include "memory/page_sums.h"

namespace belay {
namespace {

struct Area {
  char* base;
  size_t pages;
  explicit Area(size_t n) : pages(n) {
    base = static_cast<char*>(
        mmap(nullptr, n * kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  ~Area() { munmap(base, pages * kPageBytes); }
  uint64_t start() const { return reinterpret_cast<uint64_t>(base); }
  uint64_t end() const { return start() + pages * kPageBytes; }
};

std::vector<size_t> written(DirtyTracker& tracker, const Area& area) {
  std::vector<PageRun> runs(1000);
  size_t used = 0;
  EXPECT_TRUE(tracker.watch(area.start(), area.end()));
  Status status = tracker.scan(area.start(), area.end(), {}, runs, &used);
  EXPECT_TRUE(status) << status.error().message;
  std::vector<size_t> pages;
  for (size_t i = 0; i < used; i++)
    for (uint64_t at = runs[i].start; runs[i].written && at < runs[i].end(); at += kPageBytes)
      pages.push_back((at - area.start()) / kPageBytes);
  return pages;
}

using Pages = std::vector<size_t>;

TEST(DirtyTracker, ReportsWritesOfProgramAndKernel) {
  DirtyTracker tracker;
  tracker.open(false);
  if (tracker.kind() != DirtyTracker::Kind::kUserfault) GTEST_SKIP() << tracker.reason();
  Area area(64);
  area.base[5 * kPageBytes] = 1;
  area.base[6 * kPageBytes] = 1;
  EXPECT_EQ(written(tracker, area), (Pages{5, 6}));
  EXPECT_EQ(written(tracker, area), Pages{});
  area.base[6 * kPageBytes] = 2;
  int fd = open("/dev/zero", O_RDONLY);
  ASSERT_EQ(read(fd, area.base + 9 * kPageBytes, 10), 10);
  close(fd);
  EXPECT_EQ(written(tracker, area), (Pages{6, 9}));
  volatile char untouched = area.base[20 * kPageBytes];  // maps the shared zero page
  (void)untouched;
  EXPECT_EQ(written(tracker, area), Pages{});
  tracker.close();
}

TEST(DirtyTracker, ANewMappingInTheSamePlaceIsAllNew) {
  DirtyTracker tracker;
  tracker.open(false);
  if (tracker.kind() != DirtyTracker::Kind::kUserfault) GTEST_SKIP() << tracker.reason();
  Area area(8);
  area.base[0] = 1;
  EXPECT_EQ(written(tracker, area), Pages{0});
  mmap(area.base, 8 * kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
       -1, 0);
  area.base[3 * kPageBytes] = 1;
  EXPECT_EQ(written(tracker, area), Pages{3});
  tracker.close();
}

TEST(DirtyTracker, WhatIsNotWatchedIsPassedOverOrRefused) {
  DirtyTracker tracker;
  tracker.open(false);
  if (tracker.kind() != DirtyTracker::Kind::kUserfault) GTEST_SKIP() << tracker.reason();
  Area area(8);
  for (size_t i = 0; i < 8; i++) area.base[i * kPageBytes] = 1;
  uint64_t half = area.start() + 4 * kPageBytes;
  ASSERT_TRUE(tracker.watch(area.start(), half));
  EXPECT_TRUE(tracker.watches(area.start()));
  EXPECT_FALSE(tracker.watches(half));
  std::vector<PageRun> runs(10);
  size_t used = 0;
  ASSERT_TRUE(tracker.scan(area.start(), area.end(), {.skip_unwatched = true}, runs, &used));
  ASSERT_EQ(used, 1u);
  EXPECT_EQ(runs[0].end(), half);
  Status status = tracker.scan(area.start(), area.end(), {}, runs, &used);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, EPERM);
  EXPECT_EQ(written(tracker, area), (Pages{4, 5, 6, 7})) << "all of a new one counts as written";
  tracker.close();
}

// The short way over known memory, against a model: an image kept up by what it reports is equal
// to the memory, whatever was written, given back and touched again. (A page that was given back
// may be reported as one of zeros.)
TEST(DirtyTracker, AnImageKeptByTheShortWayIsEqualToTheMemory) {
  DirtyTracker tracker;
  tracker.open(false);
  if (tracker.kind() != DirtyTracker::Kind::kUserfault) GTEST_SKIP() << tracker.reason();
  constexpr size_t kPages = 64;
  Area area(kPages);
  std::mt19937 random(7);
  for (size_t i = 0; i < kPages; i++) area.base[i * kPageBytes] = 1;
  EXPECT_EQ(written(tracker, area).size(), kPages);
  std::vector<char> image(kPages, 1);
  size_t reported = 0;
  for (int round = 0; round < 2000; round++) {
    for (unsigned step = random() % 10; step > 0; step--) {
      char* at = area.base + random() % kPages * kPageBytes;
      switch (random() % 3) {
        case 0:
          *at = char(round);
          break;
        case 1:
          madvise(at, kPageBytes, MADV_DONTNEED);
          break;
        case 2:
          (void)*static_cast<volatile char*>(at);
          break;  // the zero page, if it is gone
      }
    }
    std::vector<PageRun> runs(1000);
    size_t used = 0;
    ASSERT_TRUE(tracker.scan_known(area.start(), area.end(), runs, &used));
    std::vector<bool> seen(kPages);
    for (size_t i = 0; i < used; i++)
      for (uint64_t at = runs[i].start; at < runs[i].end(); at += kPageBytes) {
        size_t page = (at - area.start()) / kPageBytes;
        seen[page] = true;
        if (runs[i].written) image[page] = *reinterpret_cast<char*>(at);
        reported += runs[i].written;
      }
    for (size_t i = 0; i < kPages; i++) {
      if (!seen[i]) image[i] = 0;
      ASSERT_EQ(image[i], area.base[i * kPageBytes]) << "page " << i << " in round " << round;
    }
  }
  EXPECT_LT(reported, 2000 * kPages / 4) << "reports everything";
  tracker.close();
}

TEST(DirtyTracker, CompareReportsWhatIsPresent) {
  DirtyTracker tracker;
  tracker.open(true);
  Area area(16);
  area.base[2 * kPageBytes] = 1;
  EXPECT_EQ(written(tracker, area), Pages{2});
  EXPECT_EQ(written(tracker, area), Pages{2});
  tracker.close();
}

TEST(Mappings, HoldsWhatWasMapped) {
  Area area(3);
  mprotect(area.base + kPageBytes, kPageBytes, PROT_NONE);
  std::vector<char> text(1 << 20);
  std::vector<Mapping> table(4096);
  auto mappings = read_mappings({text, table});
  ASSERT_TRUE(mappings) << mappings.error().message;
  int found = 0;
  for (const Mapping& mapping : *mappings) {
    if (mapping.start == area.start() + kPageBytes) {
      found++;
      EXPECT_EQ(mapping.protection, PROT_NONE);
      EXPECT_FALSE(mapping.shared);
    }
    if (mapping.name() == "[stack]") found++;
  }
  EXPECT_EQ(found, 2);
  auto too_small = read_mappings({std::span(text).first(100), table});
  EXPECT_FALSE(too_small);
}

TEST(PageSums, KnowsWhatTheLastCheckpointHeld) {
  std::vector<PageSums::Entry> memory(1 << 12);
  PageSums sums;
  sums.open(memory);
  std::vector<std::byte> pages(100 * kPageBytes);
  auto changed = [&](uint64_t count) {
    sums.begin(count);
    uint64_t n = 0;
    for (uint64_t i = 0; i < count; i++)
      n += !sums.same_as_before(0x10000 + i * kPageBytes, &pages[i * kPageBytes]);
    return n;
  };
  EXPECT_EQ(changed(100), 100u) << "nothing is known at first";
  EXPECT_EQ(changed(100), 0u);
  pages[7 * kPageBytes + 5] = std::byte{1};
  EXPECT_EQ(changed(50), 1u);
  EXPECT_EQ(changed(100), 50u) << "a page that was away is new";
}

TEST(ExemptZone, GivesZeroedPages) {
  ExemptZone zone;
  ASSERT_TRUE(zone.reserve());
  auto a = zone.take(100), b = zone.take(5000);
  ASSERT_EQ(a.size(), 4096u);
  ASSERT_EQ(b.size(), 8192u);
  EXPECT_EQ(a.data() + 4096, b.data());
  EXPECT_EQ(b[8191], std::byte{0});
  EXPECT_TRUE(zone.take(kExemptZoneBytes).empty());
}

}  // namespace
}  // namespace belay
