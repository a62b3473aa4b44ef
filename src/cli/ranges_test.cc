// Goal: the ranges agree with a plain array of flags under random additions and questions.
#include "cli/ranges.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace belay::cli {
namespace {

constexpr uint64_t kBytes = 64;
using Flags = std::array<bool, kBytes>;

Flags gaps(const Ranges& ranges, uint64_t begin, uint64_t end) {
  Flags flags = {};
  uint64_t last = begin;
  ranges.for_each_gap(begin, end, [&](uint64_t from, uint64_t to) {
    EXPECT_TRUE(last <= from && from < to && to <= end);
    last = to;
    for (uint64_t i = from; i < to; i++) flags[i] = true;
  });
  return flags;
}

TEST(Ranges, AgreeWithFlags) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 500; round++) {
    Ranges ranges;
    Flags added = {};
    for (int i = 0; i < 12; i++) {
      uint64_t begin = random() % kBytes, end = begin + random() % (kBytes - begin + 1);
      ranges.add(begin, end);
      for (uint64_t at = begin; at < end; at++) added[at] = true;
      uint64_t from = random() % kBytes, to = from + random() % (kBytes - from + 1);
      Flags expected = {};
      for (uint64_t at = from; at < to; at++) expected[at] = !added[at];
      ASSERT_EQ(gaps(ranges, from, to), expected);
    }
  }
}

}  // namespace
}  // namespace belay::cli
