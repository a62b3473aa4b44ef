#include "score.h"

#include <cmath>
#include <opencv2/imgproc.hpp>

namespace {

cv::Mat local_mean(const cv::Mat& values) {
  cv::Mat mean;
  cv::GaussianBlur(values, mean, {11, 11}, 1.5);
  return mean;
}

cv::Mat unit(const cv::Mat& edges) {
  cv::Mat values;
  edges.convertTo(values, CV_32F, 1 / 255.0);
  return values;
}

// A mask of what lies within `distance` of a pixel that is not 0.
cv::Mat near(const cv::Mat& pixels, double distance) {
  cv::Mat away;
  cv::distanceTransform(pixels == 0, away, cv::DIST_L2, cv::DIST_MASK_5);
  return away <= distance;
}

}  // namespace

Similarity::Similarity(const cv::Mat& reference)
    : reference_(reference), mean_(local_mean(unit(reference))) {
  variance_ = mean_ - mean_.mul(mean_);  // of zeros and ones
}

double Similarity::operator()(const cv::Mat& edges) const {
  constexpr float kC1 = 0.01f * 0.01f, kC2 = 0.03f * 0.03f;
  cv::Mat mean = local_mean(unit(edges)), both = local_mean(unit(edges & reference_));
  double sum = 0;
  for (int y = 0; y < mean.rows; y++) {
    const float *a = mean.ptr<float>(y), *b = mean_.ptr<float>(y);
    const float *variance = variance_.ptr<float>(y), *product = both.ptr<float>(y);
    float row = 0;
    for (int x = 0; x < mean.cols; x++) {
      float covariance = product[x] - a[x] * b[x];
      row += (2 * a[x] * b[x] + kC1) * (2 * covariance + kC2) /
             ((a[x] * a[x] + b[x] * b[x] + kC1) * (a[x] - a[x] * a[x] + variance[x] + kC2));
    }
    sum += double(row);
  }
  return sum / double(mean.total());
}

double f_measure(const cv::Mat& edges, const cv::Mat& human) {
  double distance = 0.0075 * std::hypot(human.rows, human.cols);
  int found = cv::countNonZero(edges);
  double drawn = cv::sum(human)[0];
  if (found == 0 || drawn == 0) return 0;
  double precision = cv::countNonZero(edges & near(human, distance)) / double(found);
  cv::Mat matched;
  human.copyTo(matched, near(edges, distance));
  double recall = cv::sum(matched)[0] / drawn;
  return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
}
