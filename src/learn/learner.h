// A network with its parameters and its optimiser: decides for one sample, learns from batches.
#pragma once

#include "learn/backend.h"
#include "learn/loss.h"
#include "learn/optimiser.h"

namespace belay {

class Learner {
 public:
  Learner(const Network& network, const OptimiserOptions& options, size_t batch_max,
          const Backend& backend, Random& random);

  const Network& network() const { return network_; }
  std::span<float> parameters() { return parameters_; }
  uint64_t steps() const { return optimiser_.steps(); }

  // The outputs for one sample, valid until the next call.
  std::span<const float> decide(std::span<const float> inputs);

  // A batch in three steps: fill inputs(), call forward(), fill target() for each output that
  // matters, call learn(). Returns the loss; NaN when the step was not taken, since the gradient
  // was not finite.
  float* inputs() { return batch_.values(0); }
  const float* forward(size_t batch);
  float* targets() { return targets_.data(); }
  float learn(LossKind loss);
  // The outputs under other parameters (a target network's), valid until the next forward().
  const float* forward_with(std::span<const float> parameters, size_t batch);

  void visit(Archive& archive) {
    archive.field("parameters", parameters_);
    optimiser_.visit(archive);
  }

 private:
  Network network_;
  const Backend& backend_;
  ModelVector<float> parameters_, gradient_, targets_;
  Optimiser optimiser_;
  Workspace single_, batch_;
};

}  // namespace belay
