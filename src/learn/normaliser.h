// Inputs of very different sizes learn badly, so each is moved and scaled to mean 0 and deviation 1
// by what has been seen of it (Welford 1962). What is rare at first may be common later (in
// Breakout a brick at the top that is gone), so the statistics stop late: by then a sample moves
// them by a millionth.
#pragma once

#include <cstdint>
#include <span>

#include "learn/archive.h"

namespace belay {

class Normaliser {
 public:
  static constexpr uint64_t kSettledAfter = 1'000'000;
  static constexpr float kLimit = 5;  // deviations; what is beyond is cut

  explicit Normaliser(size_t width) : mean_(width), squares_(width), shift_(width), scale_(width) {
    settle();
  }

  void observe(std::span<const float> sample);
  void apply(std::span<const float> sample, float* to) const {
    for (size_t i = 0; i < sample.size(); i++) {
      float value = (sample[i] - shift_[i]) * scale_[i];
      to[i] = value > kLimit ? kLimit : value < -kLimit ? -kLimit : value;
    }
  }

  void visit(Archive& archive) {
    archive.field("normaliser.count", count_);
    archive.field("normaliser.mean", mean_);
    archive.field("normaliser.squares", squares_);
    settle();
  }

 private:
  void settle();

  uint64_t count_ = 0;
  ModelVector<double> mean_, squares_;
  ModelVector<float> shift_, scale_;  // of the above, for apply()
};

}  // namespace belay
