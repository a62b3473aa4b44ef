// Goal: durations are read as written, and what could be misread is refused; figures for people are
// short and right at the edges of their units.
#include "cli/units.h"

#include <gtest/gtest.h>

#include "cli/exit_code.h"

namespace belay::cli {
namespace {

TEST(Units, ReadsDurations) {
  EXPECT_EQ(parse_duration_ms("500ms"), 500u);
  EXPECT_EQ(parse_duration_ms("30s"), 30'000u);
  EXPECT_EQ(parse_duration_ms("1.5s"), 1'500u);
  EXPECT_EQ(parse_duration_ms("5m"), 300'000u);
  EXPECT_EQ(parse_duration_ms("1h"), 3'600'000u);
  EXPECT_EQ(parse_duration_ms("0s"), 0u);
}

TEST(Units, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "30", "s", "-1s", "1d", "1 s", "30sec", "nans", "infs", "0x1s",
                           "4294967295ms", "1e9h"}) {
    try {
      uint32_t ms = parse_duration_ms(text);
      ADD_FAILURE() << '"' << text << "\" was read as " << ms << " ms";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.exit_code(), kExitUsage);
    }
  }
}

TEST(Units, WritesSizes) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(3 << 19), "1.5 MiB");
  EXPECT_EQ(format_bytes(uint64_t{1} << 50), "1024.0 TiB");
}

TEST(Units, WritesAges) {
  const uint64_t second = 1'000'000'000;
  EXPECT_EQ(format_age(0), "0 s");
  EXPECT_EQ(format_age(119 * second), "119 s");
  EXPECT_EQ(format_age(120 * second), "2 min");
  EXPECT_EQ(format_age(7200 * second), "2 h");
  EXPECT_EQ(format_age(172800 * second), "2 days");
}

}  // namespace
}  // namespace belay::cli
