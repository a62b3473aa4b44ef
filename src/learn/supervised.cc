#include "learn/supervised.h"

namespace belay {

Supervised::Supervised(const Network& network, const OptimiserOptions& optimiser,
                       const SupervisedOptions& options, const Backend& backend, Random& random)
    : options_(options),
      learner_(network, optimiser, options.batch, backend, random),
      normaliser_(network.inputs()),
      normalised_(network.inputs()),
      examples_(options.memory, network.inputs() + network.outputs()) {}

std::span<const float> Supervised::decide(std::span<const float> inputs) {
  normaliser_.apply(inputs, normalised_.data());
  return learner_.decide(normalised_);
}

void Supervised::add_example(std::span<const float> inputs, std::span<const float> targets) {
  normaliser_.observe(inputs);
  std::span<float> row = examples_.add();
  std::copy(inputs.begin(), inputs.end(), row.begin());
  std::copy(targets.begin(), targets.end(), row.begin() + static_cast<long>(width()));
}

void Supervised::learn_batches(uint64_t batches, Random& random) {
  if (examples_.rows() < std::max(1u, options_.learn_after)) return;
  size_t outputs = learner_.network().outputs();
  for (; batches > 0; batches--) {
    for (size_t i = 0; i < options_.batch; i++) {
      std::span<float> row = examples_.row(random.below(examples_.rows()));
      normaliser_.apply(row.first(width()), learner_.inputs() + i * width());
      std::copy_n(row.data() + width(), outputs, learner_.targets() + i * outputs);
    }
    learner_.forward(options_.batch);
    last_loss_ = learner_.learn(options_.loss);
  }
}

}  // namespace belay
