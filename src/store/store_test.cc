// Goal: what was committed is what is read: whole checkpoints, increments, discards, descriptions,
// generations that take turns, and refusals that say why.
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_fixture.h"

namespace belay {
namespace {

constexpr uint64_t kBase = 0x7000'0000'0000;

struct StoreTest : testing::TestWithParam<IoMode> {
  TemporaryDirectory directory;
  TestWriter writer{real_os(), directory.path(), GetParam()};
  StorePosition position;

  Status append(uint64_t page, uint64_t value) {
    Page data = page_of(value);
    return writer->append({kBase + page * kPageBytes}, data.data(), 1);
  }
  void begin(bool full) {
    auto status = writer->begin(position, full, {});
    ASSERT_TRUE(status) << status.error().message;
  }
  void commit(std::string_view description) {
    auto result = writer->commit(bytes_of(description), 42);
    ASSERT_TRUE(result) << result.error().message;
    position = *result;
  }
  Restored restored(uint64_t sequence = 0) {
    auto result = restore_newest(real_os(), directory.path(), sequence);
    EXPECT_TRUE(result) << result.error().message;
    return result ? *result : Restored{};
  }
};

INSTANTIATE_TEST_SUITE_P(Io, StoreTest, testing::Values(IoMode::kThread, IoMode::kInline),
                         [](const auto& info) {
                           return info.param == IoMode::kThread ? "Thread" : "Inline";
                         });

TEST_P(StoreTest, ReadsWhatItWrote) {
  begin(true);
  for (uint64_t i = 0; i < 3000; ++i) ASSERT_TRUE(append(i, i));
  commit("three thousand pages");

  auto loaded = load_newest(real_os(), directory.path(), 0, nullptr);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->runs.size(), 1u) << "neighbours are one run";
  EXPECT_EQ(loaded->info.position.sequence, 1u);
  EXPECT_EQ(loaded->info.taken_unix_ns, 42u);
  close(loaded->fd);

  Restored found = restored();
  EXPECT_EQ(found.description, "three thousand pages");
  ASSERT_EQ(found.pages.size(), 3000u);
  for (uint64_t i = 0; i < 3000; ++i)
    EXPECT_EQ(found.pages[kBase + i * kPageBytes], page_of(i)) << i;
}

TEST_P(StoreTest, LastAppendOfAPageWins) {
  begin(true);
  for (uint64_t value : {1, 2, 3}) ASSERT_TRUE(append(7, value));
  ASSERT_TRUE(append(8, 9));
  ASSERT_TRUE(writer->discard({kBase + 8 * kPageBytes}, 1));
  commit("");
  Restored found = restored();
  EXPECT_EQ(found.pages, (Model{{kBase + 7 * kPageBytes, page_of(3)}}));
}

TEST_P(StoreTest, IncrementsChangeAndDiscard) {
  begin(true);
  for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(append(i, i));
  commit("full");
  begin(false);
  ASSERT_TRUE(append(3, 33));
  ASSERT_TRUE(writer->discard({kBase + 5 * kPageBytes}, 100));
  commit("increment");

  Restored found = restored();
  EXPECT_EQ(found.sequence, 2u);
  EXPECT_EQ(found.description, "increment");
  EXPECT_EQ(found.pages.size(), 5u);
  EXPECT_EQ(found.pages[kBase + 3 * kPageBytes], page_of(33));
  EXPECT_EQ(restored(1).pages.size(), 10u) << "the older one is still there";
}

TEST_P(StoreTest, GenerationsTakeTurns) {
  for (uint64_t round = 1; round <= 4; ++round) {
    begin(true);
    ASSERT_TRUE(append(0, round));
    commit("");
    EXPECT_EQ(position.generation, (round + 1) % 2);
    EXPECT_EQ(position.segments, 1u);
    EXPECT_EQ(position.base_bytes, position.end_offset);
    EXPECT_EQ(restored().pages[kBase], page_of(round));
    if (round > 1) {
      EXPECT_EQ(restored(round - 1).pages[kBase], page_of(round - 1));
    }
  }
  struct stat status;
  ASSERT_EQ(stat(directory.file(0).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_P(StoreTest, ContinuesAfterReopening) {
  begin(true);
  ASSERT_TRUE(append(0, 1));
  commit("");
  auto list = list_checkpoints(real_os(), directory.path());
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 1u);
  TestWriter second(real_os(), directory.path(), GetParam());
  ASSERT_TRUE(second->begin(list->front().position, false, {}));
  Page page = page_of(2);
  ASSERT_TRUE(second->append({kBase + kPageBytes}, page.data(), 1));
  ASSERT_TRUE(second->commit({}, 0));
  EXPECT_EQ(restored().pages.size(), 2u);
}

TEST_P(StoreTest, AbandonLeavesTheLastOne) {
  begin(true);
  ASSERT_TRUE(append(0, 1));
  commit("");
  for (bool full : {false, true}) {
    begin(full);
    for (uint64_t i = 0; i < 5000; ++i) ASSERT_TRUE(append(i, 2));
    writer->abandon();
    EXPECT_EQ(restored().pages, (Model{{kBase, page_of(1)}}));
    EXPECT_EQ(std::filesystem::file_size(directory.file(0)), position.end_offset);
    EXPECT_FALSE(std::filesystem::exists(directory.file(1)));
  }
  EXPECT_EQ(append(0, 1).error().code, ECANCELED);
}

// A program that died over its first checkpoint has none, and nothing of it is damaged.
TEST_P(StoreTest, AnAttemptThatNeverEndedIsNoCheckpoint) {
  begin(true);
  ASSERT_TRUE(append(0, 1));
  auto found = list_checkpoints(real_os(), directory.path());
  ASSERT_TRUE(found);
  for (const CheckpointInfo& info : *found) EXPECT_TRUE(info.unfinished) << info.problem;
  EXPECT_EQ(load_newest(real_os(), directory.path(), 0, nullptr).error().code, ENOENT);
}

TEST_P(StoreTest, ASequenceNumberIsNeverUsedTwice) {
  StorePosition first;
  for (int i = 0; i < 3; ++i) {
    begin(i == 0);
    ASSERT_TRUE(append(0, i));
    commit("");
    if (i == 0) first = position;
  }
  TestWriter second(real_os(), directory.path(), GetParam());
  ASSERT_TRUE(second->begin(first, true, {})) << "back to the first, though there are three";
  auto next = second->commit({}, 0);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->sequence, 4u);
}

TEST_P(StoreTest, RefusesAPositionThatIsNotTheStores) {
  begin(true);
  commit("");
  position.sequence += 5;
  TestWriter second(real_os(), directory.path(), GetParam());
  EXPECT_FALSE(second->begin(position, false, {}));
  EXPECT_FALSE(second->begin({}, false, {}));
}

TEST_P(StoreTest, RefusesSymlinksAndFilesThatOthersMayWrite) {
  begin(true);
  commit("");
  std::filesystem::rename(directory.file(0), directory.path() + "/elsewhere");
  std::filesystem::create_symlink("elsewhere", directory.file(0));
  auto loaded = load_newest(real_os(), directory.path(), 0, nullptr);
  EXPECT_EQ(loaded.error().code, EBADMSG);
  EXPECT_NE(loaded.error().text().find("symbolic link"), std::string::npos);

  std::filesystem::remove(directory.file(0));
  std::filesystem::rename(directory.path() + "/elsewhere", directory.file(0));
  EXPECT_TRUE(restore_newest(real_os(), directory.path()));
  chmod(directory.file(0).c_str(), 0620);
  EXPECT_FALSE(restore_newest(real_os(), directory.path()));
}

TEST(StoreReader, RefusesAnotherUsersFile) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  TemporaryDirectory directory;
  TestWriter writer(real_os(), directory.path());
  ASSERT_TRUE(writer->begin({}, true, {}));
  ASSERT_TRUE(writer->commit({}, 0));
  ASSERT_EQ(chown(directory.file(0).c_str(), 65534, 65534), 0);
  std::vector<std::string> skipped;
  EXPECT_EQ(load_newest(real_os(), directory.path(), 0, &skipped).error().code, EBADMSG);
  ASSERT_EQ(skipped.size(), 1u);
  EXPECT_NE(skipped[0].find("belongs to user 65534"), std::string::npos);
}

TEST(StoreReader, AnEmptyStoreIsAnEmptyList) {
  TemporaryDirectory directory;
  EXPECT_TRUE(list_checkpoints(real_os(), directory.path())->empty());
  EXPECT_TRUE(list_checkpoints(real_os(), directory.path() + "/missing")->empty());
  EXPECT_EQ(load_newest(real_os(), directory.path(), 0, nullptr).error().code, ENOENT);
}

TEST(StoreReader, SaysWhyACheckpointIsSkipped) {
  TemporaryDirectory directory;
  TestWriter writer(real_os(), directory.path(), IoMode::kInline);
  ASSERT_TRUE(writer->begin({}, true, {}));
  auto position = writer->commit({}, 0);
  ASSERT_TRUE(position);
  ASSERT_TRUE(writer->begin(*position, false, {}));
  // Not committed: as if the program died now.
  std::vector<std::string> skipped;
  auto loaded = load_newest(real_os(), directory.path(), 0, &skipped);
  ASSERT_TRUE(loaded);
  close(loaded->fd);
  EXPECT_EQ(loaded->info.position.sequence, 1u);
  ASSERT_EQ(skipped.size(), 1u);
  EXPECT_NE(skipped[0].find("checkpoint 2"), std::string::npos) << skipped[0];
  EXPECT_NE(skipped[0].find("WRITE_LOCK is 0"), std::string::npos) << skipped[0];
}

}  // namespace
}  // namespace belay
