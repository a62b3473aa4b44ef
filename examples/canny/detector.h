// An edge detector: a blur against noise, Canny's thresholds, and what it measures of a picture.
#pragma once

#include <array>
#include <opencv2/core.hpp>
#include <vector>

struct Setting {
  float sigma = 2, low = 30, high = 80;  // pixels; lengths of gradients
};

// The ranges within which settings are looked for: sigma, high, low / high.
struct Range {
  double least, most;
};
constexpr Range kRanges[3] = {{0.7, 4}, {20, 400}, {0.25, 0.9}};

cv::Mat find_edges(const cv::Mat& grey, const Setting& setting);

// What is measured in a picture, in powers of two: how long gradients are, in the picture and in
// the same at a half and at a quarter of its size; how much neighbours differ; light and contrast.
struct Statistics {
  static constexpr size_t kScales = 3, kGradients = 12, kDifferences = 5;
  std::array<std::array<float, kGradients>, kScales> gradients;  // quantiles
  std::array<float, kDifferences> differences;                   // quantiles
  std::array<float, 2> light;  // and contrast
};
Statistics measure(const cv::Mat& grey);

// The setting for a clean picture: a tenth of all gradients at sigma 2 are above the high
// threshold, and low is 0.4 of high, as in Matlab's edge().
Setting rule_of_thumb(const cv::Mat& grey);

// Chooses a setting for each picture: by the rule of thumb, or by what it has learned.
class Chooser {
 public:
  Chooser();
  Setting choose(const cv::Mat& grey) const;
  const std::vector<Setting>& settings() const { return settings_; }

 private:
  std::vector<Setting> settings_;  // that it chooses from when it has learned
};

// Settings that are even in the logarithms of sigma, of the high threshold and of low / high.
std::vector<Setting> grid(size_t sigmas, size_t highs, size_t ratios);
