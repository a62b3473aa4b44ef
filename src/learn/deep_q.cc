#include "learn/deep_q.h"

namespace belay {
namespace {

// A row of the memory: both states, and behind them
constexpr size_t kChoice = 0, kReturn = 1, kDiscount = 2, kRowExtra = 3;

size_t best_of(const float* values, size_t count) {
  return static_cast<size_t>(std::max_element(values, values + count) - values);
}

}  // namespace

DeepQ::DeepQ(const Network& network, const OptimiserOptions& optimiser, const DeepQOptions& options,
             const Backend& backend, Random& random)
    : options_(options),
      learner_(network, optimiser, options.batch, backend, random),
      normaliser_(network.inputs()),
      target_(learner_.parameters().begin(), learner_.parameters().end()),
      normalised_(network.inputs()),
      next_worths_(options.batch),
      drawn_(options.batch),
      next_choices_(options.batch),
      memory_(options.memory, row_width(network.inputs())) {}

size_t DeepQ::row_width(size_t inputs) { return 2 * inputs + kRowExtra; }

float DeepQ::epsilon() const {
  float done = std::min(1.0f, static_cast<float>(decisions_) /
                                  static_cast<float>(std::max(1u, options_.epsilon_decisions)));
  return options_.epsilon_start + done * (options_.epsilon_end - options_.epsilon_start);
}

uint32_t DeepQ::choose(std::span<const float> state) {
  normaliser_.apply(state, normalised_.data());
  auto worths = learner_.decide(normalised_);
  return static_cast<uint32_t>(best_of(worths.data(), worths.size()));
}

uint32_t DeepQ::explore(Episode& episode, std::span<const float> state, Random& random) {
  bool at_random = random.uniform() < epsilon();
  uint32_t choice =
      at_random ? static_cast<uint32_t>(random.below(learner_.network().outputs())) : choose(state);
  decisions_++;
  episode.open.push_back({{state.begin(), state.end()}, choice, 0});
  return choice;
}

// The decision `first` and the rewards since.
void DeepQ::remember(const Episode& episode, size_t first, std::span<const float> next,
                     bool terminal) {
  float sum = 0, discount = 1;
  for (size_t i = first; i < episode.open.size(); i++, discount *= options_.discount)
    sum += discount * episode.open[i].reward;
  std::span<float> row = memory_.add();
  std::copy(episode.open[first].state.begin(), episode.open[first].state.end(), row.begin());
  std::copy(next.begin(), next.end(), row.begin() + static_cast<long>(width()));
  float* extra = &row[2 * width()];
  extra[kChoice] = static_cast<float>(episode.open[first].choice);
  extra[kReturn] = sum;
  extra[kDiscount] = terminal ? 0 : discount;
}

void DeepQ::observe(Episode& episode, std::span<const float> state, float reward, bool terminal,
                    Random& random) {
  normaliser_.observe(state);
  if (episode.open.empty()) return;
  note(episode, state, reward, terminal);
  learn_if_due(random);
}

void DeepQ::note(Episode& episode, std::span<const float> state, float reward, bool terminal) {
  if (episode.open.empty()) return;
  episode.open.back().reward += reward;
  if (terminal) {
    for (size_t i = 0; i < episode.open.size(); i++) remember(episode, i, state, true);
    episode.open.clear();
  } else if (episode.open.size() >= options_.return_steps) {
    remember(episode, 0, state, false);
    episode.open.erase(episode.open.begin());
  }
}

bool DeepQ::is_row(std::span<const float> row) const {
  if (row.size() != row_width(width())) return false;
  float zero = 0;
  for (float value : row) zero += value * 0;
  const float* extra = &row[2 * width()];
  const auto choices = static_cast<float>(learner_.network().outputs());
  return zero == 0 && extra[kChoice] >= 0 && extra[kChoice] < choices && extra[kDiscount] >= 0 &&
         extra[kDiscount] <= 1;
}

void DeepQ::take_in(std::span<const float> row) {
  normaliser_.observe(row.first(width()));
  std::copy(row.begin(), row.end(), memory_.add().begin());
}

void DeepQ::count_decision(Random& random) {
  decisions_++;
  learn_if_due(random);
}

void DeepQ::learn_if_due(Random& random) {
  bool due = decisions_ % options_.learn_every == 0;
  if (due && memory_.rows() >= std::max(options_.learn_after, options_.batch)) learn_batch(random);
}

// The worth of a choice moves toward its return and the target network's worth of the choice that
// the network itself holds to be the best next.
void DeepQ::learn_batch(Random& random) {
  size_t batch = options_.batch, choices = learner_.network().outputs();
  for (uint32_t& row : drawn_) row = static_cast<uint32_t>(random.below(memory_.rows()));
  auto load = [&](size_t offset) {
    for (size_t i = 0; i < batch; i++)
      normaliser_.apply(memory_.row(drawn_[i]).subspan(offset, width()),
                        learner_.inputs() + i * width());
  };
  load(width());
  const float* worths = learner_.forward(batch);
  for (size_t i = 0; i < batch; i++)
    next_choices_[i] = static_cast<uint32_t>(best_of(worths + i * choices, choices));
  worths = learner_.forward_with(target_, batch);
  for (size_t i = 0; i < batch; i++) next_worths_[i] = worths[i * choices + next_choices_[i]];

  load(0);
  worths = learner_.forward(batch);
  std::copy_n(worths, batch * choices, learner_.targets());  // no error where no choice was made
  for (size_t i = 0; i < batch; i++) {
    const float* extra = &memory_.row(drawn_[i])[2 * width()];
    learner_.targets()[i * choices + static_cast<size_t>(extra[kChoice])] =
        extra[kReturn] + extra[kDiscount] * next_worths_[i];
  }
  last_loss_ = learner_.learn(LossKind::kHuber);
  if (learner_.steps() % options_.target_every == 0)
    std::copy(learner_.parameters().begin(), learner_.parameters().end(), target_.begin());
}

}  // namespace belay
