#include "cli/progress.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "cli/units.h"

namespace belay::cli {
namespace {

constexpr std::chrono::seconds kPatience{2};
constexpr std::chrono::milliseconds kRedraw{100};
constexpr size_t kBarCells = 24;
constexpr const char* kWipe = "\r\x1b[K";

}  // namespace

Progress::Progress(std::string label, FILE* out, bool visible, Clock::time_point start)
    : label_(std::move(label)), out_(out), visible_(visible), start_(start), drawn_(start) {}

void Progress::wipe() {
  if (!on_screen_) return;
  on_screen_ = false;
  fputs(kWipe, out_);
  fflush(out_);
}

void Progress::show(double part, const std::string& text, Clock::time_point now) {
  if (!visible_ || now - start_ < kPatience || now - drawn_ < kRedraw) return;
  drawn_ = now;
  on_screen_ = true;
  const size_t cells = size_t(std::clamp(part, 0.0, 1.0) * kBarCells);
  std::string line =
      fmt::format("{}{} [{}{}] {:3.0f} %  {}", kWipe, label_, std::string(cells, '#'),
                  std::string(kBarCells - cells, ' '), part * 100, text);
  fputs(line.c_str(), out_);
  fflush(out_);
}

void Progress::update(uint64_t done_bytes, uint64_t total_bytes, Clock::time_point now) {
  if (total_bytes == 0) return;
  const double part = std::min(1.0, double(done_bytes) / double(total_bytes));
  const double seconds = std::chrono::duration<double>(now - start_).count();
  show(part,
       fmt::format("{} of {}  {}/s", format_bytes(done_bytes), format_bytes(total_bytes),
                   format_bytes(uint64_t(double(done_bytes) / seconds))),
       now);
}

bool can_show_progress() {
  const char* terminal = getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

}  // namespace belay::cli
