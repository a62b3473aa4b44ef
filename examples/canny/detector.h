// An edge detector: a blur against noise, Canny's thresholds, and what it measures of a picture.
#pragma once

#include <opencv2/core.hpp>
#include <vector>

#include "score.h"

struct Setting {
  float sigma = 2, low = 30, high = 80;  // pixels; lengths of gradients
};

// The ranges within which settings are looked for: sigma, high, low / high.
struct Range {
  double least, most;
};
constexpr Range kRanges[3] = {{0.9, 4.44}, {20, 400}, {0.23, 0.7}};

cv::Mat blur(const cv::Mat& grey, float sigma);
cv::Mat edges_of(const cv::Mat& smooth, const Setting& setting);
inline cv::Mat find_edges(const cv::Mat& grey, const Setting& setting) {
  return edges_of(blur(grey, setting.sigma), setting);
}

// What is measured in a picture: how long gradients are, in the picture and in the same at a half
// and at a quarter of its size, and how much neighbours differ: quantiles, in powers of two; light
// and contrast.
std::vector<float> measure(const cv::Mat& grey);

// The setting for a clean picture: a tenth of all gradients at sigma 2 are above the high
// threshold, and low is 0.4 of high, as in Matlab's edge().
Setting rule_of_thumb(const cv::Mat& grey);

// 189 settings, even in the logarithms of sigma, of the high threshold and of low / high.
std::vector<Setting> grid(const Range& high = kRanges[1]);

// The same around the rule of thumb, which is one of them; high thresholds are from 0.4 to 2.5
// times its. So what the model has to know is what noise and blur do to that rule.
std::vector<Setting> settings_for(const cv::Mat& grey);

// How like the right edges those of each setting are.
std::vector<float> likeness_of(const std::vector<Setting>& settings, const cv::Mat& grey,
                               const Similarity& right);

// How near to the best: 1 for that, 0 for those whose likeness is less by 0.15 or more. What is
// learned are merits: far from the best, how bad a setting is matters to nobody.
std::vector<float> merits_of(std::vector<float> likeness);

// Between the best of a grid and its neighbours, each weighted by its merit.
Setting peak_of(const std::vector<Setting>& settings, const std::vector<float>& merits);

// Chooses a setting for each picture: the most like the right edges, if they are given; otherwise
// by the rule of thumb, or by what it has learned.
class Chooser {
 public:
  Chooser();
  Setting choose(const cv::Mat& grey, const Similarity* right = nullptr) const;
};
