// Goal: inputs of any size reach a network with mean 0 and deviation 1, also those that are rare at
// first and common later.
#include "learn/normaliser.h"

#include <gtest/gtest.h>

#include <cmath>

#include "learn/random.h"

namespace belay {
namespace {

TEST(Normaliser, WhatIsRareAtFirstDoesNotDrownTheRest) {
  Random random(3);
  Normaliser normaliser(2);
  auto sample = [&](double share) {
    float values[2] = {static_cast<float>(1000 + 50 * random.normal()),
                       random.uniform() < share ? 1.0f : 0.0f};
    normaliser.observe(values);
  };
  for (int i = 0; i < 12'000; i++) sample(0.0005);
  for (int i = 0; i < 40'000; i++) sample(0.5);
  float common[2] = {1050, 1}, scaled[2];
  normaliser.apply(common, scaled);
  EXPECT_NEAR(scaled[0], 1, 0.1);
  EXPECT_NEAR(scaled[1], 1, 0.5);
}

TEST(Normaliser, FarOutliersAreCut) {
  Normaliser normaliser(1);
  for (float value : {-1.0f, 1.0f, -1.0f, 1.0f}) normaliser.observe({&value, 1});
  float outlier = 1e20f, scaled;
  normaliser.apply({&outlier, 1}, &scaled);
  EXPECT_EQ(scaled, Normaliser::kLimit);
}

}  // namespace
}  // namespace belay
