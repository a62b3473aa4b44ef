#include "trial.h"

#include <algorithm>

namespace {

cv::Mat right_edges(const Picture& picture, Reference reference) {
  Setting best = rule_of_thumb(picture.grey);
  if (reference == Reference::kPeople) {
    double most = -1;
    for (const Setting& setting : grid(6, 9, 3)) {
      double value = f_measure(find_edges(picture.grey, setting), picture.human);
      if (value > most) most = value, best = setting;
    }
  }
  return find_edges(picture.grey, best);
}

}  // namespace

Trial::Trial(const Picture& picture, uint64_t seed, Reference reference)
    : name(picture.name),
      seen(damaged(picture.grey, seed)),
      human(picture.human),
      right(right_edges(picture, reference)),
      similarity(right) {}

std::vector<double> Trial::scores(const std::vector<Setting>& settings) const {
  std::vector<double> scores;
  for (const Setting& setting : settings) scores.push_back(score(setting));
  return scores;
}
