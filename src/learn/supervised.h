// Learning from examples: what the outputs should have been for these inputs.
#pragma once

#include "learn/learner.h"
#include "learn/normaliser.h"
#include "learn/sample_ring.h"

namespace belay {

struct SupervisedOptions {
  LossKind loss = LossKind::kSquared;
  uint32_t batch = 32;
  uint32_t batches_per_sample = 4;  // learnt from each time that an example is added
  uint32_t learn_after = 16;        // examples in memory before the first batch
  uint32_t memory = 100000;         // examples kept
  bool operator==(const SupervisedOptions&) const = default;
};

class Supervised {
 public:
  Supervised(const Network& network, const OptimiserOptions& optimiser,
             const SupervisedOptions& options, const Backend& backend, Random& random);

  std::span<const float> decide(std::span<const float> inputs);

  void add_example(std::span<const float> inputs, std::span<const float> targets);
  // As many batches as an example brings; any number.
  void learn(Random& random) { learn_batches(options_.batches_per_sample, random); }
  void learn_batches(uint64_t batches, Random& random);

  uint64_t examples() const { return examples_.added(); }
  float last_loss() const { return last_loss_; }
  Learner& learner() { return learner_; }

  void visit(Archive& archive) {
    learner_.visit(archive);
    normaliser_.visit(archive);
    archive.later_field("loss", last_loss_);
    examples_.visit(archive);
  }

 private:
  size_t width() const { return learner_.network().inputs(); }

  SupervisedOptions options_;
  Learner learner_;
  Normaliser normaliser_;
  ModelVector<float> normalised_;
  SampleRing examples_;  // inputs, then targets
  float last_loss_ = 0;
};

}  // namespace belay
