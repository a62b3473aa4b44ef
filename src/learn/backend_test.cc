// Goal: gradients are derivatives. Every backend's are compared with differences of the loss, for
// dense layers and convolutions; and both copies of Eigen's kernels compute the same.
#include "learn/backend.h"

#include <gtest/gtest.h>

#include <cmath>

#include "learn/eigen_kernels.h"
#include "learn/loss.h"

namespace belay {
namespace {

Network dense_network() {
  LayerRequest hidden[] = {{.width = 16}, {.width = 12}};
  return Network::make({.channels = 8}, hidden, 4).value();
}
Network convolution_network() {
  LayerRequest hidden[] = {
      {LayerKind::kConvolution, 6, 3, 2}, {LayerKind::kConvolution, 5, 2, 1}, {.width = 12}};
  return Network::make({.height = 11, .width = 9, .channels = 2}, hidden, 3).value();
}

// A network, a batch and its targets, all at random.
struct Problem {
  explicit Problem(const Network& of, size_t batch, uint64_t seed)
      : network(of),
        parameters(of.parameter_count()),
        gradient(of.parameter_count()),
        targets(of.outputs() * batch),
        space(of, batch, true) {
    Random random(seed);
    network.initialise(parameters, random);
    for (float& p : parameters) p += static_cast<float>(0.05 * random.normal());
    for (size_t i = 0; i < of.inputs() * batch; i++)
      space.values(0)[i] = static_cast<float>(random.normal());
    for (float& target : targets) target = static_cast<float>(random.normal());
  }
  float loss(const Backend& backend) {
    backend.forward(network, parameters.data(), space);
    size_t last = network.layers().size();
    return loss_and_deltas(LossKind::kSquared, space.values(last), targets.data(),
                           network.outputs(), space.batch(), space.deltas(last));
  }
  void differentiate(const Backend& backend) {
    loss(backend);
    backend.backward(network, parameters.data(), space, gradient.data());
  }

  Network network;
  ModelVector<float> parameters, gradient, targets;
  Workspace space;
};

void expect_derivatives(const Network& network) {
  Problem problem(network, 5, 7);
  problem.differentiate(eigen_backend());
  double error = 0, size = 0;
  for (size_t i = 0; i < network.parameter_count(); i++) {
    constexpr float kStep = 3e-3f;
    float before = problem.parameters[i];
    problem.parameters[i] = before + kStep;
    double above = problem.loss(eigen_backend());
    problem.parameters[i] = before - kStep;
    double below = problem.loss(eigen_backend());
    problem.parameters[i] = before;
    double slope = (above - below) / (2 * kStep);
    error += std::pow(slope - problem.gradient[i], 2);
    size += slope * slope;
  }
  // Corners of the rectifiers, and floats of 24 bits, bring some error; a wrong term brings 1.
  EXPECT_LT(std::sqrt(error / size), 0.02);
}

TEST(Backend, GradientsOfDenseLayersAreDerivatives) { expect_derivatives(dense_network()); }
TEST(Backend, GradientsOfConvolutionsAreDerivatives) { expect_derivatives(convolution_network()); }

TEST(Backend, OneSampleIsAsInABatch) {
  for (const Network& network : {dense_network(), convolution_network()}) {
    Problem problem(network, 6, 3);
    problem.loss(eigen_backend());
    size_t last = network.layers().size();
    Workspace single(network, 1, false);
    for (size_t sample = 0; sample < 6; sample++) {
      std::copy_n(problem.space.values(0) + sample * network.inputs(), network.inputs(),
                  single.values(0));
      eigen_backend().forward(network, problem.parameters.data(), single);
      for (size_t i = 0; i < network.outputs(); i++)
        EXPECT_NEAR(single.values(last)[i],
                    problem.space.values(last)[sample * network.outputs() + i], 1e-4);
    }
  }
}

#ifdef BELAY_HAS_AVX2_KERNELS
TEST(Backend, EveryProcessorComputesTheSame) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    GTEST_SKIP() << "this processor has no AVX2";
  for (const Network& network : {dense_network(), convolution_network()}) {
    Problem a(network, 5, 11), b(network, 5, 11);
    a.differentiate(eigen_backend());
    size_t last = network.layers().size();
    kEigenKernelsBaseline.forward(network, b.parameters.data(), b.space);
    loss_and_deltas(LossKind::kSquared, b.space.values(last), b.targets.data(), network.outputs(),
                    5, b.space.deltas(last));
    kEigenKernelsBaseline.backward(network, b.parameters.data(), b.space, b.gradient.data());
    for (size_t i = 0; i < network.parameter_count(); i++)
      ASSERT_NEAR(a.gradient[i], b.gradient[i], 1e-4) << i;
  }
}
#endif

TEST(Network, RefusesWhatIsNoNetwork) {
  EXPECT_FALSE(Network::make({.channels = 0}, {}, 1));
  EXPECT_FALSE(Network::make({.channels = 4}, {}, 0));
  LayerRequest large_kernel[] = {{LayerKind::kConvolution, 4, 9, 1}};
  EXPECT_FALSE(Network::make({.height = 8, .width = 8}, large_kernel, 1));
  LayerRequest huge[] = {{.width = 1 << 20}, {.width = 1 << 20}};
  EXPECT_FALSE(Network::make({.channels = 4}, huge, 1));
}

}  // namespace
}  // namespace belay
