#include "cli/curve_svg.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/error.h"

namespace belay::cli {
namespace {

constexpr double kWidth = 860, kHeight = 440, kLeft = 70, kRight = 20, kTop = 44, kBottom = 56;
constexpr size_t kBins = 60;
constexpr const char* kColours[] = {"#1565c0", "#c62828", "#2e7d32", "#ef6c00", "#6a1b9a"};

// What the score was like at one place of the curve.
struct Level {
  double decisions, low, middle, high;
};

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / double(values.size());
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  double at = q * double(values.size() - 1);
  auto below = size_t(at);
  double above = values[std::min(below + 1, values.size() - 1)];
  return values[below] + (at - double(below)) * (above - values[below]);
}

// The scores of a run's episodes by the bin in which they ended.
std::vector<std::vector<double>> by_bin(const Curve& run, double bin_width) {
  std::vector<std::vector<double>> bins(kBins);
  for (const CurvePoint& point : run)
    bins[std::min(kBins - 1, size_t(double(point.decisions) / bin_width))].push_back(point.score);
  return bins;
}

// Runs stop where they have reached their goal: from there on their last score counts.
std::vector<std::vector<double>> means_by_bin(const std::vector<Curve>& runs, double bin_width) {
  std::vector<std::vector<double>> result(kBins);
  for (const Curve& run : runs) {
    double last = 0;
    bool begun = false;
    auto bins = by_bin(run, bin_width);
    for (size_t i = 0; i < kBins; i++) {
      if (!bins[i].empty()) last = mean(bins[i]), begun = true;
      if (begun) result[i].push_back(last);
    }
  }
  return result;
}

uint64_t end_of(const CurveSeries& series) {
  uint64_t end = 0;
  for (const Curve& run : series.runs)
    if (!run.empty()) end = std::max(end, run.back().decisions);
  return end;
}

std::vector<Level> levels_of(const CurveSeries& series, double bin_width) {
  bool one = series.runs.size() == 1;
  auto bins = one ? by_bin(series.runs[0], bin_width) : means_by_bin(series.runs, bin_width);
  std::vector<Level> levels;
  for (size_t i = 0; i < kBins; i++) {
    double middle = (double(i) + 0.5) * bin_width;
    if (bins[i].empty() || middle > double(end_of(series)) + bin_width) continue;
    levels.push_back({middle, quantile(bins[i], 0.1), one ? mean(bins[i]) : quantile(bins[i], 0.5),
                      quantile(bins[i], 0.9)});
  }
  return levels;
}

// 1, 2 or 5 times a power of ten, so that there are about `count` of them in `range`.
double tick_step(double range, int count) {
  double rough = range / count, power = std::pow(10, std::floor(std::log10(rough)));
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

class Picture {
 public:
  Picture(const std::string& title, double right, double bottom, double top)
      : right_(right), bottom_(bottom), top_(top) {
    fmt::format_to(out_,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
                   "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"12\">\n"
                   "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
                   kWidth, kHeight);
    text(kLeft, 24, "start", title, "font-size=\"15\" font-weight=\"bold\"");
    axes();
  }

  void series(const std::vector<Level>& levels, const char* colour) {
    std::string line, high, low;
    for (const Level& level : levels) {
      line += point(level.decisions, level.middle);
      high += point(level.decisions, level.high);
      low = point(level.decisions, level.low) + low;
    }
    fmt::format_to(out_,
                   "<polygon points=\"{}{}\" fill=\"{}\" fill-opacity=\"0.18\"/>\n"
                   "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n",
                   high, low, colour, line, colour);
  }

  void label(size_t place, const std::string& words, const char* colour) {
    double y = kHeight - kBottom - 14 - 18 * double(place);
    fmt::format_to(out_, "<rect x=\"{}\" y=\"{}\" width=\"18\" height=\"4\" fill=\"{}\"/>\n",
                   kWidth - kRight - 30, y - 6, colour);
    text(kWidth - kRight - 36, y, "end", words);
  }

  std::string finish() && { return std::move(text_) + "</svg>\n"; }

 private:
  double x(double decisions) const {
    return kLeft + decisions / right_ * (kWidth - kLeft - kRight);
  }
  double y(double score) const {
    return kHeight - kBottom - (score - bottom_) / (top_ - bottom_) * (kHeight - kTop - kBottom);
  }
  std::string point(double decisions, double score) const {
    return fmt::format("{:.1f},{:.1f} ", x(decisions), y(score));
  }
  void text(double x, double y, const char* anchor, std::string words, const char* more = "") {
    for (auto [character, name] : {std::pair{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}})
      for (size_t at = 0; (at = words.find(character, at)) != words.npos; at += 2)
        words.replace(at, 1, name);
    fmt::format_to(out_, "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" {}>{}</text>\n", x, y,
                   anchor, more, words);
  }
  void axes() {
    double step = tick_step(top_ - bottom_, 6);
    for (double at = std::ceil(bottom_ / step) * step; at <= top_ + step / 1000; at += step) {
      fmt::format_to(out_, "<path d=\"M{} {:.1f}H{}\" stroke=\"#ddd\"/>\n", kLeft, y(at),
                     kWidth - kRight);
      text(kLeft - 8, y(at) + 4, "end", fmt::format("{:.4g}", std::abs(at) < step / 2 ? 0 : at));
    }
    step = tick_step(right_, 8);
    for (double at = 0; at <= right_; at += step)
      text(x(at), kHeight - kBottom + 18, "middle", count(at));
    fmt::format_to(out_, "<path d=\"M{} {}V{}H{}\" fill=\"none\" stroke=\"#444\"/>\n", kLeft, kTop,
                   kHeight - kBottom, kWidth - kRight);
    text((kLeft + kWidth - kRight) / 2, kHeight - 16, "middle", "decisions");
    text(-(kTop + kHeight - kBottom) / 2, 20, "middle", "score of an episode",
         "transform=\"rotate(-90)\"");
  }
  static std::string count(double value) {
    if (value >= 1e6) return fmt::format("{:.4g} M", value / 1e6);
    return value >= 1e3 ? fmt::format("{:.4g} k", value / 1e3) : fmt::format("{:.4g}", value);
  }

  double right_, bottom_, top_;
  std::string text_;
  std::back_insert_iterator<std::string> out_{text_};
};

}  // namespace

std::string curves_as_svg(const std::string& title, const std::vector<CurveSeries>& all) {
  uint64_t end = 1;
  for (const CurveSeries& series : all) end = std::max(end, end_of(series));
  std::vector<std::vector<Level>> levels;
  double low = 0, high = 0;
  for (const CurveSeries& series : all) {
    levels.push_back(levels_of(series, double(end) / kBins));
    for (const Level& level : levels.back()) {
      low = std::min(low, level.low);
      high = std::max(high, level.high);
    }
  }
  double margin = 0.05 * std::max(high - low, 1e-9);
  Picture picture(title, double(end), low < 0 ? low - margin : 0, high + margin);
  for (size_t i = 0; i < all.size(); i++)
    picture.series(levels[i], kColours[i % std::size(kColours)]);
  for (size_t i = 0; i < all.size(); i++)
    picture.label(all.size() - 1 - i, all[i].label, kColours[i % std::size(kColours)]);
  return std::move(picture).finish();
}

}  // namespace belay::cli
