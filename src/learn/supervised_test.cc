// Goal: a network learns a function that it has seen examples of, and the same from the same seed.
#include "learn/supervised.h"

#include <gtest/gtest.h>

#include <cmath>

namespace belay {
namespace {

Network network_of(size_t inputs, uint32_t outputs) {
  LayerRequest hidden[] = {{.width = 32}, {.width = 32}};
  return Network::make({.channels = static_cast<uint32_t>(inputs)}, hidden, outputs).value();
}

// Inputs of very different sizes, as programs have them.
std::array<float, 2> example(Random& random) {
  return {static_cast<float>(1000 * random.uniform()), static_cast<float>(0.01 * random.uniform())};
}
float wanted(const std::array<float, 2>& x) {
  return std::sin(x[0] / 200) * 0.5f + std::cos(x[1] * 300) * 0.4f;
}

Supervised trained(uint64_t seed, OptimiserKind kind, LossKind loss) {
  Random random(seed);
  OptimiserOptions optimiser{.kind = kind,
                             .learning_rate = kind == OptimiserKind::kSgd ? 0.05f : 3e-3f};
  Supervised learner(network_of(2, 1), optimiser, {.loss = loss}, eigen_backend(), random);
  for (int i = 0; i < 1500; i++) {
    auto x = example(random);
    float y = wanted(x);
    learner.add_example(x, {&y, 1});
    learner.learn(random);
  }
  return learner;
}

double mean_error(Supervised& learner) {
  Random random(99);
  double sum = 0;
  for (int i = 0; i < 500; i++) {
    auto x = example(random);
    sum += std::abs(learner.decide(x)[0] - wanted(x));
  }
  return sum / 500;
}

TEST(Supervised, LearnsAFunction) {
  for (auto kind : {OptimiserKind::kAdam, OptimiserKind::kSgd})
    for (auto loss : {LossKind::kSquared, LossKind::kAbsolute, LossKind::kHuber}) {
      Supervised learner = trained(5, kind, loss);
      EXPECT_LT(mean_error(learner), 0.08) << int(kind) << " " << int(loss);
    }
}

TEST(Supervised, TheSameSeedLearnsTheSame) {
  Supervised a = trained(8, OptimiserKind::kAdam, LossKind::kSquared);
  Supervised b = trained(8, OptimiserKind::kAdam, LossKind::kSquared);
  EXPECT_TRUE(std::equal(a.learner().parameters().begin(), a.learner().parameters().end(),
                         b.learner().parameters().begin()));
}

TEST(Supervised, LearnsToTellClassesApart) {
  Random random(2);
  Supervised learner(network_of(2, 3), {.learning_rate = 3e-3f}, {.loss = LossKind::kCrossEntropy},
                     eigen_backend(), random);
  auto class_of = [](const std::array<float, 2>& x) {
    return x[0] < 300 ? 0 : x[1] > 0.005f ? 1 : 2;
  };
  for (int i = 0; i < 1500; i++) {
    auto x = example(random);
    float one_hot[3] = {};
    one_hot[class_of(x)] = 1;
    learner.add_example(x, one_hot);
    learner.learn(random);
  }
  int right = 0;
  for (int i = 0; i < 500; i++) {
    auto x = example(random);
    auto outputs = learner.decide(x);
    right += std::max_element(outputs.begin(), outputs.end()) - outputs.begin() == class_of(x);
  }
  EXPECT_GT(right, 460);
}

TEST(Supervised, OldExamplesMakeRoom) {
  Random random(3);
  Supervised learner(network_of(2, 1), {}, {.memory = 10}, eigen_backend(), random);
  for (int i = 0; i < 25; i++) {
    float x[2] = {1, 2}, y[1] = {3};
    learner.add_example(x, y);
  }
  EXPECT_EQ(learner.examples(), 25u);
}

}  // namespace
}  // namespace belay
