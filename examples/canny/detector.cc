#include "detector.h"

#include <belay/autonomize.h>  // au

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace {

// Values from 0 to below `Size`, counted.
template <size_t Size>
class Histogram {
 public:
  void add(size_t value) { counts_[std::min(value, Size - 1)]++, total_++; }

  template <size_t Count>
  std::array<float, Count> quantiles(const std::array<float, Count>& shares) const {
    std::array<float, Count> result{};
    size_t value = 0, sum = counts_[0];
    for (size_t i = 0; i < Count; i++) {
      while (float(sum) < shares[i] * float(total_)) sum += counts_[++value];
      result[i] = float(value);
    }
    return result;
  }

 private:
  std::array<uint32_t, Size> counts_{};
  size_t total_ = 0;
};

using Gradients = Histogram<2048>;  // of 8-bit pictures by Sobel's operator

Gradients gradients_of(const cv::Mat& grey) {
  cv::Mat across, down;
  cv::spatialGradient(grey, across, down);
  Gradients lengths;
  for (int y = 0; y < grey.rows; y++) {
    const auto *dx = across.ptr<int16_t>(y), *dy = down.ptr<int16_t>(y);
    for (int x = 0; x < grey.cols; x++) lengths.add(size_t(std::abs(dx[x]) + std::abs(dy[x])));
  }
  return lengths;
}

template <size_t Count>
std::array<float, Count> logarithms(std::array<float, Count> values) {
  for (float& value : values) value = std::log2(1 + value);
  return values;
}

}  // namespace

cv::Mat find_edges(const cv::Mat& grey, const Setting& setting) {
  cv::Mat smooth, edges;
  cv::GaussianBlur(grey, smooth, {}, double(setting.sigma));
  cv::Canny(smooth, edges, double(setting.low), double(setting.high));
  return edges;
}

Statistics measure(const cv::Mat& grey) {
  constexpr std::array kGradients = {.05f, .2f, .35f, .5f,  .65f,  .75f,
                                     .85f, .9f, .94f, .97f, .985f, .995f};
  constexpr std::array kDifferences = {.25f, .5f, .75f, .9f, .97f};
  Statistics seen;
  cv::Mat scaled = grey;
  for (auto& scale : seen.gradients) {
    scale = logarithms(gradients_of(scaled).quantiles(kGradients));
    cv::Mat half;
    cv::resize(scaled, half, {}, 0.5, 0.5, cv::INTER_AREA);
    scaled = half;
  }
  // Second derivatives across and down: of noise, and hardly of edges (Immerkaer 1996).
  cv::Mat second;
  cv::Sobel(grey, second, CV_16S, 2, 2);
  Histogram<4096> differences;
  for (int y = 0; y < second.rows; y++)
    for (int x = 0; x < second.cols; x++)
      differences.add(size_t(std::abs(second.at<int16_t>(y, x))));
  seen.differences = logarithms(differences.quantiles(kDifferences));
  cv::Scalar mean, deviation;
  cv::meanStdDev(grey, mean, deviation);
  seen.light = {float(mean[0] / 128), float(std::log2(1 + deviation[0]))};
  return seen;
}

Setting rule_of_thumb(const cv::Mat& grey) {
  constexpr float kSigma = 2, kWeak = 0.9f, kLowToHigh = 0.4f;
  cv::Mat smooth;
  cv::GaussianBlur(grey, smooth, {}, double(kSigma));
  float high = std::max(1.0f, gradients_of(smooth).quantiles(std::array{kWeak})[0]);
  return {kSigma, kLowToHigh * high, high};
}

std::vector<Setting> grid(size_t sigmas, size_t highs, size_t ratios) {
  std::vector<Setting> settings;
  auto at = [](const Range& range, size_t step, size_t steps) {
    return range.least * std::pow(range.most / range.least, (double(step) + 0.5) / double(steps));
  };
  for (size_t i = 0; i < sigmas * highs * ratios; i++) {
    double high = at(kRanges[1], i / ratios % highs, highs);
    settings.push_back({float(at(kRanges[0], i / ratios / highs, sigmas)),
                        float(high * at(kRanges[2], i % ratios, ratios)), float(high)});
  }
  return settings;
}

Chooser::Chooser() : settings_(grid(6, 9, 3)) {
  au_config("canny", AU_DNN, AU_ADAM, 64, 64);                // au
  au_output("canny", "likeness", settings_.size(), 0, 1, 0);  // au
}

// Learned is how like the right edges those of each setting are; all 0 says that nothing is known.
Setting Chooser::choose(const cv::Mat& grey) const {
  Statistics seen = measure(grey);
  std::vector<float> likeness(settings_.size());                                 // au
  au_extract("gradients", sizeof seen.gradients / 4, seen.gradients[0].data());  // au
  au_extract("differences", seen.differences);                                   // au
  au_extract("light", seen.light);                                               // au
  au_NN("canny", au_serialize("picture", "gradients", "differences", "light"), "likeness");  // au
  au_write_back("likeness", likeness);                                                      // au
  auto best = std::max_element(likeness.begin(), likeness.end());
  if (*best > 0) return settings_[size_t(best - likeness.begin())];
  return rule_of_thumb(grey);
}
