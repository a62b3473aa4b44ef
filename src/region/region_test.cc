// Goal: the runtime by its hooks, without the compiler: what is logged goes back, in both buffers
// and in nested regions, and the statistics count it.
#include <belay/region.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "region/hooks.h"

extern "C" void* malloc_in_region(size_t bytes) __asm__("malloc.ckpt");

namespace belay::region {
namespace {

ckpt_statistics statistics() {
  ckpt_statistics now;
  belay_ckpt_statistics(&now);
  return now;
}

TEST(Region, PutsEveryWidthBack) {
  struct {
    uint8_t one = 1;
    uint16_t two = 2;
    uint32_t four = 4;
    uint64_t eight = 8;
    char block[37] = "as it was";
  } static value;
  __belay_enter();
  __belay_log_1(&value.one);
  __belay_log_2(&value.two);
  __belay_log_4(&value.four);
  __belay_log_8(&value.eight);
  __belay_log_bytes(value.block, sizeof value.block);
  value = {9, 9, 9, 9, "otherwise"};
  EXPECT_EQ(belay_ckpt_log_bytes(), 5 * 16 + 48u);
  EXPECT_EQ(__belay_leave(1), 1);
  EXPECT_EQ(value.one, 1);
  EXPECT_EQ(value.two, 2);
  EXPECT_EQ(value.four, 4u);
  EXPECT_EQ(value.eight, 8u);
  EXPECT_STREQ(value.block, "as it was");
}

TEST(Region, InnerRollbackLeavesTheOuterWrites) {
  static uint64_t value = 1;
  __belay_enter();
  __belay_log_8(&value);
  value = 2;
  __belay_enter();
  EXPECT_EQ(belay_ckpt_depth(), 2);
  __belay_log_8(&value);
  value = 3;
  __belay_leave(1);
  EXPECT_EQ(value, 2u);
  __belay_enter();
  __belay_log_8(&value);
  value = 4;
  __belay_leave(0);
  EXPECT_EQ(value, 4u);
  __belay_leave(1);
  EXPECT_EQ(value, 1u);
}

TEST(Region, LogGrowsAndOldestValueWins) {
  std::vector<uint64_t> values(1 << 16, 7);
  __belay_enter();
  for (int round = 0; round < 16; round++) {
    for (uint64_t& value : values) {
      __belay_log_8(&value);
      value = static_cast<uint64_t>(round);
    }
  }
  EXPECT_EQ(belay_ckpt_log_bytes(), 16 * 16 * values.size());
  __belay_leave(1);
  EXPECT_EQ(values, std::vector<uint64_t>(1 << 16, 7));
}

TEST(Region, HashKeepsTheFirstValueOnly) {
  static uint64_t value = 5;
  __belay_enter();
  for (int i = 0; i < 1000; i++) {
    __belay_log_first(&value, sizeof value);
    value++;
  }
  EXPECT_EQ(belay_ckpt_log_bytes(), 16u);
  __belay_leave(1);
  EXPECT_EQ(value, 5u);
}

TEST(Region, StatisticsCount) {
  static uint64_t value;
  const ckpt_statistics before = statistics();
  __belay_enter();
  __belay_log_8(&value);
  __belay_leave(0);
  __belay_enter();
  __belay_leave(1);
  const ckpt_statistics after = statistics();
  EXPECT_EQ(after.regions - before.regions, 2u);
  EXPECT_EQ(after.commits - before.commits, 1u);
  EXPECT_EQ(after.rollbacks - before.rollbacks, 1u);
  EXPECT_EQ(after.log_bytes - before.log_bytes, 16u);
}

TEST(Region, FullLogEndsTheProgramWithASentence) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto fill = [] {
    ckpt_attr attr = {};
    attr.log_bytes_max = size_t{1} << 16;
    belay_ckpt_configure(&attr);
    static uint64_t value;
    __belay_enter();
    for (;;) __belay_log_8(&value);
  };
  EXPECT_EXIT(fill(), testing::ExitedWithCode(70), "the undo log is full: 65536 bytes");
}

TEST(Region, ShadowSeesWhatTheLogLacks) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  static uint64_t values[4] = {1, 2, 3, 4};
  static char writer[] = "solve()";
  auto run = [](size_t bytes_logged) {
    __belay_shadow_on();
    __belay_enter();
    __belay_log_bytes(values, bytes_logged);
    __belay_shadow_write(values, sizeof values, writer);
    for (uint64_t& value : values) value += 16;
    __belay_leave(1);
  };
  run(sizeof values);
  EXPECT_EQ(values[3], 4u);
  EXPECT_DEATH(run(3 * sizeof values[0]),
               "is 0x14 after a rollback, and was 0x4; 32 bytes written"
               " by solve\\(\\)");
}

TEST(Region, ShadowLeavesOutBlocksOfTheRegion) {
  static char writer[] = "solve()";
  static uint64_t value = 5;
  __belay_shadow_on();
  __belay_enter();
  void* block = malloc_in_region(64);
  __belay_shadow_write(block, 64, writer);
  memset(block, 1, 64);
  __belay_enter();
  __belay_log_8(&value);
  __belay_shadow_write(&value, sizeof value, writer);
  value = 6;
  __belay_leave(0);
  EXPECT_EQ(__belay_leave(1), 1);
  EXPECT_EQ(value, 5u);
}

}  // namespace
}  // namespace belay::region
