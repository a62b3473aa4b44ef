// Goal: merging increments by interval gives what applying them page by page gives, also where the
// index outgrew the writer's memory and lies in the file in several blocks.
#include "store/merge.h"

#include "store/fault_os.h"
#include "store/store_fixture.h"

namespace belay {
namespace {

TEST(Merge, EqualsThePageByPageModel) {
  uint64_t seed = test_seed();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::map<uint64_t, std::pair<uint64_t, uint64_t>> model;  // page: file offset, checksum index
    std::vector<IndexedExtent> extents;
    uint64_t next = 0;
    for (uint64_t n = random() % 40; n-- > 0;) {
      uint64_t first = random() % 100, count = random() % 12 + 1;
      bool discard = random() % 4 == 0;
      uint64_t offset = discard ? 0 : (1 + next) * kPageBytes;
      extents.push_back({first * kPageBytes, count, offset, discard ? 0 : next, discard});
      for (uint64_t i = 0; i < count; ++i) {
        if (discard)
          model.erase(first + i);
        else
          model[first + i] = {offset + i * kPageBytes, next + i};
      }
      if (!discard) next += count;
    }
    decltype(model) merged;
    uint64_t end = 0;
    for (const StoredRun& run : merge_extents(extents)) {
      ASSERT_GE(run.address.value, end) << "sorted and disjoint, seed " << seed;
      end = run.address.value + run.page_count * kPageBytes;
      for (uint64_t i = 0; i < run.page_count; ++i)
        merged[run.address.value / kPageBytes + i] = {run.file_offset + i * kPageBytes,
                                                      run.checksum_index + i};
    }
    ASSERT_EQ(merged, model) << "seed " << seed << " round " << round;
  }
}

TEST(Merge, RandomIncrementsThroughTheStore) {
  uint64_t seed = test_seed();
  std::mt19937_64 random(seed);
  TemporaryDirectory directory;
  ModelStore store(real_os(), directory.path(), seed, 200);
  for (int i = 0; i < 100; ++i) {
    auto status = store.checkpoint(i == 0 || random() % 12 == 0);
    ASSERT_TRUE(status) << status.error().message;
    auto found = restore_newest(real_os(), directory.path());
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_EQ(found->sequence, store.position().sequence);
    expect_as_committed(store, *found, "seed " + std::to_string(seed));
  }
}

// Discards fill the index without a byte of data, so that it spills many times.
TEST(Merge, AnIndexOfManyBlocksIsRead) {
  TemporaryDirectory directory;
  FaultOs os;
  TestWriter writer(os, directory.path(), IoMode::kInline);
  ASSERT_TRUE(writer->begin({}, true, {}));
  Page page = page_of(1);
  constexpr uint64_t kDiscards = 3'000'000;  // 32 bytes each: more than 64 MiB
  for (uint64_t i = 0; i < kDiscards; ++i) {
    ASSERT_TRUE(writer->discard({i * 2 * kPageBytes}, 1));
    if (i % 1'000'000 != 0) continue;
    ASSERT_TRUE(writer->append({i * 2 * kPageBytes}, page.data(), 1));
  }
  ASSERT_TRUE(writer->commit({}, 0));
  auto found = restore_newest(os, directory.path());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->pages.size(), 3u);
  for (const auto& [address, data] : found->pages) EXPECT_EQ(data, page) << address;
}

}  // namespace
}  // namespace belay
