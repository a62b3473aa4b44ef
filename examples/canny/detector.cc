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

  size_t quantile(float share) const {
    size_t value = 0, sum = counts_[0];
    while (float(sum) < share * float(total_)) sum += counts_[++value];
    return value;
  }

  // Their logarithms.
  void add_quantiles(std::initializer_list<float> shares, std::vector<float>& out) const {
    for (float share : shares) out.push_back(std::log2(1 + float(quantile(share))));
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

constexpr size_t kSigmas = 7, kHighs = 9, kRatios = 3;  // of a grid

bool are_neighbours(size_t i, size_t k) {
  auto near = [](size_t a, size_t b) { return a <= b + 1 && b <= a + 1; };
  return near(i % kRatios, k % kRatios) && near(i / kRatios % kHighs, k / kRatios % kHighs) &&
         near(i / kRatios / kHighs, k / kRatios / kHighs);
}

}  // namespace

cv::Mat blur(const cv::Mat& grey, float sigma) {
  cv::Mat smooth;
  cv::GaussianBlur(grey, smooth, {}, double(sigma));
  return smooth;
}

cv::Mat edges_of(const cv::Mat& smooth, const Setting& setting) {
  cv::Mat edges;
  cv::Canny(smooth, edges, double(setting.low), double(setting.high));
  return edges;
}

std::vector<float> measure(const cv::Mat& grey) {
  std::vector<float> seen;
  cv::Mat scaled = grey;
  for (int scale = 0; scale < 3; scale++) {
    gradients_of(scaled).add_quantiles(
        {.05f, .2f, .35f, .5f, .65f, .75f, .85f, .9f, .94f, .97f, .985f, .995f}, seen);
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
  differences.add_quantiles({.25f, .5f, .75f, .9f, .97f}, seen);
  cv::Scalar mean, deviation;
  cv::meanStdDev(grey, mean, deviation);
  seen.push_back(float(mean[0] / 128));
  seen.push_back(float(std::log2(1 + deviation[0])));
  return seen;
}

Setting rule_of_thumb(const cv::Mat& grey) {
  constexpr float kSigma = 2, kWeak = 0.9f, kLowToHigh = 0.4f;
  float high = std::max(1.0f, float(gradients_of(blur(grey, kSigma)).quantile(kWeak)));
  return {kSigma, kLowToHigh * high, high};
}

std::vector<Setting> grid(const Range& high) {
  auto at = [](const Range& range, size_t step, size_t steps) {
    return range.least * std::pow(range.most / range.least, (double(step) + 0.5) / double(steps));
  };
  std::vector<Setting> settings;
  for (size_t i = 0; i < kSigmas * kHighs * kRatios; i++) {
    double threshold = at(high, i / kRatios % kHighs, kHighs);
    settings.push_back({float(at(kRanges[0], i / kRatios / kHighs, kSigmas)),
                        float(threshold * at(kRanges[2], i % kRatios, kRatios)), float(threshold)});
  }
  return settings;
}

std::vector<Setting> settings_for(const cv::Mat& grey) {
  auto high = double(rule_of_thumb(grey).high);
  return grid({0.4 * high, 2.5 * high});
}

std::vector<float> likeness_of(const std::vector<Setting>& settings, const cv::Mat& grey,
                               const Similarity& right) {
  std::vector<float> likeness;
  cv::Mat smooth;
  for (size_t i = 0; i < settings.size(); i++) {
    // A grid has each sigma many times, one behind the other.
    if (i == 0 || settings[i].sigma != settings[i - 1].sigma)
      smooth = blur(grey, settings[i].sigma);
    likeness.push_back(float(right(edges_of(smooth, settings[i]))));
  }
  return likeness;
}

std::vector<float> merits_of(std::vector<float> likeness) {
  constexpr float kWorst = 0.15f;
  float best = *std::max_element(likeness.begin(), likeness.end());
  for (float& value : likeness) value = std::max(0.0f, 1 - (best - value) / kWorst);
  return likeness;
}

Setting peak_of(const std::vector<Setting>& settings, const std::vector<float>& merits) {
  constexpr float kLess = 0.2f;  // merit, for a weight of 1 / e
  auto best = size_t(std::max_element(merits.begin(), merits.end()) - merits.begin());
  float sigma = 0, high = 0, ratio = 0, sum = 0;  // logarithms
  for (size_t i = 0; i < settings.size(); i++) {
    if (!are_neighbours(i, best)) continue;
    float weight = std::exp((merits[i] - merits[best]) / kLess);
    sigma += weight * std::log(settings[i].sigma);
    high += weight * std::log(settings[i].high);
    ratio += weight * std::log(settings[i].low / settings[i].high);
    sum += weight;
  }
  return {std::exp(sigma / sum), std::exp((ratio + high) / sum), std::exp(high / sum)};
}

Chooser::Chooser() {
  au_config("canny", AU_DNN, AU_ADAM, 64, 64);           // au
  au_output("canny", "merits", grid().size(), 0, 1, 0);  // au
  au_set("canny", "weight_decay", 1);                    // au
}

Setting Chooser::choose(const cv::Mat& grey, const Similarity* right) const {
  std::vector<Setting> settings = settings_for(grey);
  std::vector<float> merits(settings.size(), NAN);  // not known
  if (right != nullptr) merits = merits_of(likeness_of(settings, grey, *right));
  au_extract("picture", measure(grey));  // au
  au_NN("canny", "picture", "merits");   // au
  au_write_back("merits", merits);       // au
  auto best = std::max_element(merits.begin(), merits.end());
  if (!(*best > 0)) return rule_of_thumb(grey);
  // What is learned is known for a grid only, and its best is rarely the best between.
  return right ? settings[size_t(best - merits.begin())] : peak_of(settings, merits);
}
