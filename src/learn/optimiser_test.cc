// Goal: the optimisers follow their formulas, reach a minimum, and refuse what is not finite.
#include "learn/optimiser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace belay {
namespace {

// (x - 3)^2 + 10 (y + 1)^2
double walk(OptimiserOptions options, int steps) {
  Optimiser optimiser(options, 2);
  float at[2] = {0, 0}, gradient[2];
  for (int i = 0; i < steps; i++) {
    gradient[0] = 2 * (at[0] - 3);
    gradient[1] = 20 * (at[1] + 1);
    EXPECT_TRUE(optimiser.step(at, gradient));
  }
  return std::hypot(at[0] - 3, at[1] + 1);
}

TEST(Optimiser, BothReachTheMinimum) {
  EXPECT_LT(walk({.kind = OptimiserKind::kAdam, .learning_rate = 0.05f}, 2000), 1e-2);
  EXPECT_LT(walk({.kind = OptimiserKind::kSgd, .learning_rate = 0.01f}, 2000), 1e-3);
}

TEST(Optimiser, AdamsFirstStepsAreThoseOfThePaper) {
  Optimiser optimiser({.learning_rate = 0.1f, .gradient_norm_max = 0}, 1);
  double x = 1, m = 0, v = 0;
  float at[1] = {1}, gradient[1];
  for (int t = 1; t <= 50; t++) {
    gradient[0] = 2 * at[0];
    double g = 2 * x;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    x -= 0.1 * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
    ASSERT_TRUE(optimiser.step(at, gradient));
    ASSERT_NEAR(at[0], x, 1e-4) << t;
  }
}

TEST(Optimiser, LongGradientsAreShortened) {
  Optimiser optimiser(
      {.kind = OptimiserKind::kSgd, .learning_rate = 1, .momentum = 0, .gradient_norm_max = 5}, 2);
  float at[2] = {0, 0}, gradient[2] = {30, 40};
  ASSERT_TRUE(optimiser.step(at, gradient));
  EXPECT_NEAR(at[0], -3, 1e-5);
  EXPECT_NEAR(at[1], -4, 1e-5);
}

TEST(Optimiser, WeightsDecayByTheRateWhateverTheGradient) {
  for (auto kind : {OptimiserKind::kAdam, OptimiserKind::kSgd}) {
    Optimiser optimiser({.kind = kind, .learning_rate = 0.1f, .weight_decay = 0.5f}, 2);
    float at[2] = {4, -8}, gradient[2] = {0, 0};
    ASSERT_TRUE(optimiser.step(at, gradient));
    EXPECT_FLOAT_EQ(at[0], 3.8f);
    EXPECT_FLOAT_EQ(at[1], -7.6f);
  }
}

TEST(Optimiser, WhatIsNotFiniteChangesNothing) {
  Optimiser optimiser({}, 2);
  for (float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    float at[2] = {1, 2}, gradient[2] = {0, bad};
    EXPECT_FALSE(optimiser.step(at, gradient));
    EXPECT_EQ(at[0], 1);
    EXPECT_EQ(at[1], 2);
    EXPECT_EQ(optimiser.steps(), 0u);
  }
}

}  // namespace
}  // namespace belay
