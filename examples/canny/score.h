// How like two edge maps are, and how like what people have drawn.
#pragma once

#include <opencv2/core.hpp>

// Mean structural similarity to one edge map (Wang, Bovik, Sheikh and Simoncelli 2004: windows of
// 11 x 11 weighted by a Gaussian of 1.5). 1: the same. A blank map scores far above 0, since most
// of any edge map is blank.
class Similarity {
 public:
  explicit Similarity(const cv::Mat& reference);
  double operator()(const cv::Mat& edges) const;

 private:
  cv::Mat reference_, mean_, variance_;
};

// F-measure of an edge map against what people have drawn: harmonic mean of the share of edge
// pixels with a boundary of anybody's within 0.75 % of the picture's diagonal, and of the share of
// boundaries, weighted by how many have drawn them, with an edge within that. A pixel may match
// several, unlike in the one-to-one matching of the Berkeley benchmark (Martin et al. 2004), so
// that figures are somewhat higher than that gives.
double f_measure(const cv::Mat& edges, const cv::Mat& human);
