#include "cli/units.h"

#include <time.h>

#include <charconv>

#include "cli/exit_code.h"

namespace belay::cli {
namespace {

struct Unit {
  const char* suffix;
  double ms;
};
constexpr Unit kUnits[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"min", 60'000}, {"h", 3'600'000}};

}  // namespace

uint32_t parse_duration_ms(const std::string& text) {
  double number = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error == std::errc() && number >= 0) {
    for (const Unit& unit : kUnits) {
      double ms = number * unit.ms;
      // UINT32_MAX itself means "never" to the engine.
      if (std::string(rest, end) == unit.suffix && ms < UINT32_MAX) return uint32_t(ms);
    }
  }
  throw Failure(kExitUsage,
                fmt::format("\"{}\" is not a duration: write 500ms, 30s, 5m or 1h", text));
}

std::string format_bytes(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = double(bytes);
  const char* unit = "B";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return fmt::format("{:.1f} {}", value, unit);
}

std::string format_age(uint64_t nanoseconds) {
  uint64_t seconds = nanoseconds / 1'000'000'000;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 120 * 60) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} days", seconds / 86400);
}

std::string format_time(uint64_t unix_ns) {
  time_t seconds = time_t(unix_ns / 1'000'000'000);
  struct tm local = {};
  localtime_r(&seconds, &local);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
  return text;
}

}  // namespace belay::cli
