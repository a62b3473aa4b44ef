// Goal: short work draws nothing, long work draws a bar and wipes it, a pipe gets nothing at all.
#include "cli/progress.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace belay::cli {
namespace {

using std::chrono::milliseconds;

// What a Progress writes while `done` of 100 bytes are through at these times.
std::string draw(bool visible, std::initializer_list<std::pair<int, uint64_t>> steps) {
  char* text = nullptr;
  size_t bytes = 0;
  FILE* out = open_memstream(&text, &bytes);
  {
    const Progress::Clock::time_point start;
    Progress progress("train 7", out, visible, start);
    for (auto [ms, done] : steps) progress.update(done, 100, start + milliseconds(ms));
  }
  fclose(out);
  std::string drawn(text, bytes);
  free(text);
  return drawn;
}

TEST(Progress, IsSilentForShortWork) { EXPECT_EQ(draw(true, {{0, 0}, {1999, 99}}), ""); }

TEST(Progress, IsSilentWhereNobodyWatches) { EXPECT_EQ(draw(false, {{60'000, 50}}), ""); }

TEST(Progress, DrawsLongWorkAndWipesIt) {
  std::string drawn = draw(true, {{2000, 50}});
  EXPECT_NE(drawn.find("train 7 [############            ]  50 %  50 B of 100 B"),
            std::string::npos)
      << drawn;
  EXPECT_TRUE(drawn.ends_with("\r\x1b[K"));
}

TEST(Progress, RedrawsNoMoreThanOneCanSee) {
  EXPECT_EQ(draw(true, {{2000, 50}, {2001, 51}, {2002, 52}}), draw(true, {{2000, 50}}));
}

}  // namespace
}  // namespace belay::cli
