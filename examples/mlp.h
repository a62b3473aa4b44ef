// A perceptron with one hidden layer: ReLU, softmax, cross-entropy. All parameters in one array, so
// that a gradient is an array of the same shape.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "repeatable.h"

struct Mlp {
  static constexpr int kClasses = 10;
  static constexpr int kHiddenMax = 1024;

  int inputs, hidden;

  size_t parameters() const { return size_t(hidden) * (inputs + 1) + kClasses * (hidden + 1); }

  // Of a parameter array: a row of weights and a bias for each hidden unit, then for each class.
  const float* row(const float* p, int unit) const { return p + size_t(unit) * (inputs + 1); }
  const float* output(const float* p, int c) const {
    return p + size_t(hidden) * (inputs + 1) + size_t(c) * (hidden + 1);
  }

  // Weights of variance 2 / fan-in (He et al., 2015), biases of zero.
  void initialize(float* p, uint64_t seed) const {
    Random random(seed);
    for (int unit = 0; unit < hidden + kClasses; unit++) {
      int fan_in = unit < hidden ? inputs : hidden;
      for (int i = 0; i < fan_in; i++) *p++ = random.normal() * std::sqrt(2.f / float(fan_in));
      *p++ = 0;
    }
  }

  // The probability of each class; `h` receives the hidden layer.
  void forward(const float* p, const float* x, float* h, float* probability) const {
    for (int j = 0; j < hidden; j++) {
      const float* w = row(p, j);
      h[j] = std::max(0.f, dot(w, x, inputs) + w[inputs]);
    }
    float largest = -INFINITY, sum = 0;
    for (int c = 0; c < kClasses; c++) {
      const float* w = output(p, c);
      probability[c] = dot(w, h, hidden) + w[hidden];
      largest = std::max(largest, probability[c]);
    }
    for (int c = 0; c < kClasses; c++) sum += probability[c] = std::exp(probability[c] - largest);
    for (int c = 0; c < kClasses; c++) probability[c] /= sum;
  }

  // Adds the gradient of one sample's loss to `gradient` and returns the loss.
  float backward(const float* p, const float* x, int label, float* gradient) const {
    float h[kHiddenMax], back[kHiddenMax] = {}, delta[kClasses];
    forward(p, x, h, delta);
    float loss = -std::log(std::max(delta[label], 1e-20f));
    delta[label] -= 1;
    for (int c = 0; c < kClasses; c++) {
      float* g = const_cast<float*>(output(gradient, c));
      const float* w = output(p, c);
      for (int j = 0; j < hidden; j++) {
        g[j] += delta[c] * h[j];
        back[j] += delta[c] * w[j];
      }
      g[hidden] += delta[c];
    }
    for (int j = 0; j < hidden; j++) {
      if (h[j] <= 0) continue;
      float* g = const_cast<float*>(row(gradient, j));
      for (int i = 0; i < inputs; i++) g[i] += back[j] * x[i];
      g[inputs] += back[j];
    }
    return loss;
  }

  int classify(const float* p, const float* x) const {
    float h[kHiddenMax], probability[kClasses];
    forward(p, x, h, probability);
    return int(std::max_element(probability, probability + kClasses) - probability);
  }

  // In 16 independent sums, which the compiler keeps in vector registers.
  static float dot(const float* a, const float* b, int n) {
    constexpr int kLanes = 16;
    float sums[kLanes] = {};
    int i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      for (int lane = 0; lane < kLanes; lane++) sums[lane] += a[i + lane] * b[i + lane];
    }
    float sum = 0;
    for (; i < n; i++) sum += a[i] * b[i];
    for (float lane : sums) sum += lane;
    return sum;
  }
};
