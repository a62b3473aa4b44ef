// Reinforcement learning of one choice: deep Q-learning (Mnih et al., Nature 2015) with double
// estimates (van Hasselt et al., AAAI 2016) and n-step returns (Sutton and Barto, 2nd ed., ch. 7).
#pragma once

#include <vector>

#include "learn/learner.h"
#include "learn/normaliser.h"
#include "learn/sample_ring.h"

namespace belay {

struct DeepQOptions {
  float discount = 0.97f;     // of the reward of the next decision
  uint32_t return_steps = 5;  // rewards that are added up before an estimate takes over
  uint32_t batch = 64;
  uint32_t learn_every = 4;     // decisions between two batches
  uint32_t learn_after = 500;   // transitions in memory before the first batch
  uint32_t target_every = 500;  // batches between two copies to the target network
  uint32_t memory = 200'000;    // transitions kept; with 50,000 Breakout is not learned
  float epsilon_start = 1;      // share of random choices at first
  float epsilon_end = 0.02f;    // and from `epsilon_decisions` on; linear between
  uint32_t epsilon_decisions = 20000;
  bool operator==(const DeepQOptions&) const = default;
};

// The decisions whose return is not complete yet. It is the program's and not the model's: when the
// program goes back to a checkpoint, so do the decisions that led there.
struct Episode {
  struct Decision {
    std::vector<float> state;
    uint32_t choice;
    float reward;
  };
  std::vector<Decision> open;
};

class DeepQ {
 public:
  DeepQ(const Network& network, const OptimiserOptions& optimiser, const DeepQOptions& options,
        const Backend& backend, Random& random);

  // A row of the replay memory for inputs of this width.
  static size_t row_width(size_t inputs);

  // Takes in what the last decision led to, and learns now and then. pre: `state` is finite.
  void observe(Episode& episode, std::span<const float> state, float reward, bool terminal,
               Random& random);
  // The same of an actor, whose memory goes to a learner (learn/experience.h) and which learns
  // nothing.
  void note(Episode& episode, std::span<const float> state, float reward, bool terminal);
  // What an actor has noted. pre: is_row(row).
  void take_in(std::span<const float> row);
  bool is_row(std::span<const float> row) const;
  // An actor has decided; learns now and then.
  void count_decision(Random& random);

  // The next choice; in training a random one now and then, and `episode` notes it.
  uint32_t choose(std::span<const float> state);
  uint32_t explore(Episode& episode, std::span<const float> state, Random& random);

  float epsilon() const;
  uint64_t decisions() const { return decisions_; }
  float last_loss() const { return last_loss_; }
  Learner& learner() { return learner_; }
  SampleRing& memory() { return memory_; }

  // What it takes to decide.
  void visit_policy(Archive& archive) {
    archive.field("parameters", learner_.parameters());
    normaliser_.visit(archive);
    archive.field("decisions", decisions_);
  }
  void visit(Archive& archive) {
    learner_.visit(archive);
    normaliser_.visit(archive);
    archive.field("target.parameters", target_);
    archive.field("decisions", decisions_);
    archive.later_field("loss", last_loss_);
    memory_.visit(archive);
  }

 private:
  size_t width() const { return learner_.network().inputs(); }
  void remember(const Episode& episode, size_t first, std::span<const float> next, bool terminal);
  void learn_if_due(Random& random);
  void learn_batch(Random& random);

  DeepQOptions options_;
  Learner learner_;
  Normaliser normaliser_;
  ModelVector<float> target_;                   // parameters of the target network
  ModelVector<float> normalised_;               // one state
  ModelVector<float> next_worths_;              // of a batch: what the next choice is worth
  ModelVector<uint32_t> drawn_, next_choices_;  // of a batch: rows of the memory; best choices
  SampleRing memory_;                           // state, next state, choice, return, discount
  uint64_t decisions_ = 0;
  float last_loss_ = 0;
};

}  // namespace belay
