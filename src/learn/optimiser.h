// From a gradient to better parameters: gradient descent with momentum, or Adam.
#pragma once

#include "learn/archive.h"

namespace belay {

enum class OptimiserKind : uint32_t { kSgd = 0, kAdam = 1 };

struct OptimiserOptions {
  OptimiserKind kind = OptimiserKind::kAdam;
  float learning_rate = 1e-3f;
  float momentum = 0.9f;         // of gradient descent
  float gradient_norm_max = 10;  // longer gradients are shortened; 0: never
  float weight_decay = 0;        // apart from the gradient (Loshchilov and Hutter, ICLR 2019)
  bool operator==(const OptimiserOptions&) const = default;
};

class Optimiser {
 public:
  Optimiser(const OptimiserOptions& options, size_t parameter_count);

  // Leaves everything as it was, and returns false, when the gradient is not finite.
  bool step(std::span<float> parameters, std::span<float> gradient);
  uint64_t steps() const { return steps_; }

  void visit(Archive& archive) {
    archive.field("optimiser.steps", steps_);
    archive.field("optimiser.first", first_);
    archive.field("optimiser.second", second_);
  }

 private:
  OptimiserOptions options_;
  uint64_t steps_ = 0;
  ModelVector<float> first_;   // momentum, or Adam's first moment
  ModelVector<float> second_;  // Adam's second moment
};

}  // namespace belay
