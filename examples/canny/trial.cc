#include "trial.h"

namespace {

cv::Mat right_edges(const Picture& picture, Reference reference) {
  Setting best = rule_of_thumb(picture.grey);
  if (reference == Reference::kPeople) {
    double most = -1;
    for (const Setting& setting : grid()) {
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
