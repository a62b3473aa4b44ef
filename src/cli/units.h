// Durations, ages and sizes as people write and read them.
#pragma once

#include <cstdint>
#include <string>

namespace belay::cli {

// "500ms", "30s", "5m", "1h" in milliseconds. Fails (usage) for anything else, also for a number
// without a unit: 30 what?
uint32_t parse_duration_ms(const std::string& text);

std::string format_bytes(uint64_t bytes);      // "1.5 GiB"
std::string format_age(uint64_t nanoseconds);  // "42 s", "3 min", "2 h", "5 days"
std::string format_time(uint64_t unix_ns);     // local time, "2024-05-17 08:15:30"

}  // namespace belay::cli
