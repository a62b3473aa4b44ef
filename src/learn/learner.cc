#include "learn/learner.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace belay {

Learner::Learner(const Network& network, const OptimiserOptions& options, size_t batch_max,
                 const Backend& backend, Random& random)
    : network_(network),
      backend_(backend),
      parameters_(network.parameter_count()),
      gradient_(network.parameter_count()),
      targets_(network.outputs() * batch_max),
      optimiser_(options, network.parameter_count()),
      single_(network, 1, false),
      batch_(network, batch_max, true) {
  network_.initialise(parameters_, random);
}

std::span<const float> Learner::decide(std::span<const float> inputs) {
  BELAY_CHECK(inputs.size() == network_.inputs());
  std::copy(inputs.begin(), inputs.end(), single_.values(0));
  backend_.forward(network_, parameters_.data(), single_);
  return {single_.values(network_.layers().size()), network_.outputs()};
}

const float* Learner::forward(size_t batch) { return forward_with(parameters_, batch); }

const float* Learner::forward_with(std::span<const float> parameters, size_t batch) {
  batch_.set_batch(batch);
  backend_.forward(network_, parameters.data(), batch_);
  return batch_.values(network_.layers().size());
}

float Learner::learn(LossKind loss) {
  size_t last = network_.layers().size();
  float result = loss_and_deltas(loss, batch_.values(last), targets_.data(), network_.outputs(),
                                 batch_.batch(), batch_.deltas(last));
  backend_.backward(network_, parameters_.data(), batch_, gradient_.data());
  if (!optimiser_.step(parameters_, gradient_)) return std::numeric_limits<float>::quiet_NaN();
  return result;
}

}  // namespace belay
