#include "learn/optimiser.h"

#include <cmath>

// The loops are compiled for AVX2 as well, and chosen when the library is loaded.
#if defined(__x86_64__) && !defined(BELAY_SANITIZED)
#define BELAY_FOR_EACH_PROCESSOR __attribute__((target_clones("default", "arch=haswell")))
#else
#define BELAY_FOR_EACH_PROCESSOR
#endif

namespace belay {
namespace {

constexpr float kBeta1 = 0.9f, kBeta2 = 0.999f, kEpsilon = 1e-8f;  // Kingma and Ba, ICLR 2015

BELAY_FOR_EACH_PROCESSOR
float squared_norm(const float* x, size_t count) {
  float sums[16] = {};  // apart, so that they are added in one order whatever the processor
  for (size_t i = 0; i < count; i++) sums[i % 16] += x[i] * x[i];
  float sum = 0;
  for (float part : sums) sum += part;
  return sum;
}

BELAY_FOR_EACH_PROCESSOR
void adam(float* __restrict parameters, const float* __restrict gradient, float* __restrict first,
          float* __restrict second, size_t count, float scale, float rate, float keep) {
  for (size_t i = 0; i < count; i++) {
    float g = scale * gradient[i];
    first[i] += (1 - kBeta1) * (g - first[i]);
    second[i] += (1 - kBeta2) * (g * g - second[i]);
    parameters[i] = keep * parameters[i] - rate * first[i] / (std::sqrt(second[i]) + kEpsilon);
  }
}

BELAY_FOR_EACH_PROCESSOR
void descend(float* __restrict parameters, const float* __restrict gradient,
             float* __restrict velocity, size_t count, float scale, float rate, float keep,
             float momentum) {
  for (size_t i = 0; i < count; i++) {
    velocity[i] = momentum * velocity[i] + scale * gradient[i];
    parameters[i] = keep * parameters[i] - rate * velocity[i];
  }
}

}  // namespace

Optimiser::Optimiser(const OptimiserOptions& options, size_t parameter_count)
    : options_(options),
      first_(parameter_count),
      second_(options.kind == OptimiserKind::kAdam ? parameter_count : 0) {}

bool Optimiser::step(std::span<float> parameters, std::span<float> gradient) {
  float norm = std::sqrt(squared_norm(gradient.data(), gradient.size()));
  if (!std::isfinite(norm)) return false;
  float scale = options_.gradient_norm_max > 0 && norm > options_.gradient_norm_max
                    ? options_.gradient_norm_max / norm
                    : 1;
  float keep = 1 - options_.learning_rate * options_.weight_decay;
  steps_++;
  if (options_.kind == OptimiserKind::kSgd) {
    descend(parameters.data(), gradient.data(), first_.data(), gradient.size(), scale,
            options_.learning_rate, keep, options_.momentum);
    return true;
  }
  auto steps = static_cast<double>(steps_);
  double corrected = options_.learning_rate * std::sqrt(1 - std::pow(double{kBeta2}, steps)) /
                     (1 - std::pow(double{kBeta1}, steps));
  adam(parameters.data(), gradient.data(), first_.data(), second_.data(), gradient.size(), scale,
       static_cast<float>(corrected), keep);
  return true;
}

}  // namespace belay
