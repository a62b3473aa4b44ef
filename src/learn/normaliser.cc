#include "learn/normaliser.h"

#include <cmath>

namespace belay {

void Normaliser::observe(std::span<const float> sample) {
  if (count_ == kSettledAfter) return;
  count_++;
  for (size_t i = 0; i < sample.size(); i++) {
    double distance = sample[i] - mean_[i];
    mean_[i] += distance / static_cast<double>(count_);
    squares_[i] += distance * (sample[i] - mean_[i]);
  }
  settle();
}

// A value that has never changed is only moved.
void Normaliser::settle() {
  for (size_t i = 0; i < mean_.size(); i++) {
    double variance = count_ > 1 ? squares_[i] / static_cast<double>(count_ - 1) : 0;
    shift_[i] = static_cast<float>(mean_[i]);
    scale_[i] = variance > 1e-12 ? static_cast<float>(1 / std::sqrt(variance)) : 1.0f;
  }
}

}  // namespace belay
