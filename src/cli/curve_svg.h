// Learning curves as a picture.
#pragma once

#include <string>
#include <vector>

#include "cli/curve.h"

namespace belay::cli {

// One way of training: a run, or several that differ in the seed only.
struct CurveSeries {
  std::string label;
  std::vector<Curve> runs;
};

// The score over decisions, in a band of the middle 80 %: of one run the mean of the episodes near
// a point, of several runs the median of such means.
std::string curves_as_svg(const std::string& title, const std::vector<CurveSeries>& all);

}  // namespace belay::cli
