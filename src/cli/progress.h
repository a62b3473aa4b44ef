// A bar for work that takes long: on a terminal only, and only once it has taken two seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace belay::cli {

class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  // Draws to `out`, or nothing when `visible` is false.
  Progress(std::string label, FILE* out, bool visible, Clock::time_point start);
  ~Progress() { wipe(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void wipe();

  // From one thread. A bar that is `part` (0 to 1) full, and `text` behind it.
  void show(double part, const std::string& text, Clock::time_point now);
  void update(uint64_t done_bytes, uint64_t total_bytes, Clock::time_point now);

 private:
  std::string label_;
  FILE* out_;
  bool visible_;
  Clock::time_point start_, drawn_;
  bool on_screen_ = false;
};

// Whether standard error is a terminal that can redraw a line.
bool can_show_progress();

}  // namespace belay::cli
