// Goal: deep Q-learning finds the way where only a far goal pays, n-step returns are what they are
// said to be, and the same seed learns the same.
#include "learn/deep_q.h"

#include <gtest/gtest.h>

namespace belay {
namespace {

// A corridor: 0 goes left, 1 goes right; only its right end pays. At random it takes n^2 steps.
struct Corridor {
  static constexpr int kLength = 8;
  int at = 0, steps = 0;
  std::array<float, 2> state() const { return {static_cast<float>(at), 1.0f}; }
  void move(uint32_t choice) {
    at = choice == 1 ? at + 1 : std::max(0, at - 1);
    steps++;
  }
  bool done() const { return at == kLength; }
};

DeepQ make(Random& random) {
  LayerRequest hidden[] = {{.width = 32}};
  Network network = Network::make({.channels = 2}, hidden, 2).value();
  return DeepQ(network, {.learning_rate = 2e-3f},
               {.discount = 0.95f,
                .batch = 32,
                .learn_every = 1,
                .learn_after = 100,
                .target_every = 100,
                .memory = 5000,
                .epsilon_decisions = 5000},
               eigen_backend(), random);
}

void play(DeepQ& learner, Random& random, int decisions) {
  Corridor corridor;
  Episode episode;
  float reward = 0;
  while (decisions-- > 0) {
    learner.observe(episode, corridor.state(), reward, corridor.done(), random);
    if (corridor.done()) corridor = {};
    corridor.move(learner.explore(episode, corridor.state(), random));
    reward = corridor.done() ? 1.0f : 0.0f;
  }
}

TEST(DeepQ, FindsTheFarGoal) {
  for (uint64_t seed = 1; seed <= 5; seed++) {
    Random random(seed);
    DeepQ learner = make(random);
    play(learner, random, 8000);
    Corridor corridor;
    while (!corridor.done() && corridor.steps < 100)
      corridor.move(learner.choose(corridor.state()));
    EXPECT_EQ(corridor.steps, Corridor::kLength) << seed;
    EXPECT_NEAR(learner.epsilon(), 0.02, 1e-3);
  }
}

TEST(DeepQ, TheSameSeedLearnsTheSame) {
  std::vector<float> results[2];
  for (auto& result : results) {
    Random random(6);
    DeepQ learner = make(random);
    play(learner, random, 2000);
    result.assign(learner.learner().parameters().begin(), learner.learner().parameters().end());
  }
  EXPECT_EQ(results[0], results[1]);
}

// What the memory holds, read through an archive as a model file would.
struct Memory final : Archive {
  std::vector<float> values;
  void bytes(std::string_view name, std::span<std::byte> data, bool) override {
    if (name != "samples.values") return;
    auto floats = reinterpret_cast<const float*>(data.data());
    values.assign(floats, floats + data.size() / sizeof(float));
  }
};

TEST(DeepQ, ReturnsAreSumsOfDiscountedRewards) {
  Random random(1);
  Network network = Network::make({.channels = 1}, {}, 2).value();
  DeepQ learner(network, {}, {.discount = 0.5f, .return_steps = 2, .memory = 10}, eigen_backend(),
                random);
  Episode episode;
  float rewards[] = {0, 8, 4, 2};  // the first belongs to no decision
  for (size_t i = 0; i < 4; i++) {
    float state[1] = {static_cast<float>(i)};
    learner.observe(episode, state, rewards[i], i == 3, random);
    if (i < 3) learner.explore(episode, state, random);
  }
  EXPECT_TRUE(episode.open.empty());
  Memory memory;
  learner.visit(memory);
  // state, next state, choice, return, discount of what follows
  ASSERT_EQ(memory.values.size(), 3u * 5);
  auto row = [&](size_t i) { return std::span(memory.values).subspan(i * 5, 5); };
  EXPECT_EQ(row(0)[3], 8 + 0.5f * 4);
  EXPECT_EQ(row(0)[1], 2);
  EXPECT_EQ(row(0)[4], 0.25f);
  EXPECT_EQ(row(1)[3], 4 + 0.5f * 2);
  EXPECT_EQ(row(1)[4], 0);
  EXPECT_EQ(row(2)[3], 2);
  EXPECT_EQ(row(2)[4], 0);
}

}  // namespace
}  // namespace belay
