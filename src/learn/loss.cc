#include "learn/loss.h"

#include <algorithm>
#include <cmath>

namespace belay {
namespace {

struct Point {
  float loss, slope;
};

Point at(LossKind kind, float error) {
  float size = std::abs(error), sign = error > 0 ? 1.0f : error < 0 ? -1.0f : 0.0f;
  switch (kind) {
    case LossKind::kAbsolute:
      return {size, sign};
    case LossKind::kHuber:
      if (size > 1) return {size - 0.5f, sign};
      return {0.5f * error * error, error};
    default:
      return {error * error, 2 * error};
  }
}

// The derivative of softmax and logarithm together is p - t.
double cross_entropy(const float* outputs, const float* targets, size_t width, float* deltas) {
  double loss = 0;
  std::copy_n(outputs, width, deltas);
  softmax(deltas, width);
  for (size_t i = 0; i < width; i++) {
    if (targets[i] > 0) loss -= targets[i] * std::log(std::max(deltas[i], 1e-30f));
    deltas[i] -= targets[i];
  }
  return loss;
}

}  // namespace

void softmax(float* values, size_t width) {
  float top = *std::max_element(values, values + width), sum = 0;
  for (size_t i = 0; i < width; i++) sum += values[i] = std::exp(values[i] - top);
  for (size_t i = 0; i < width; i++) values[i] /= sum;
}

float loss_and_deltas(LossKind kind, const float* outputs, const float* targets, size_t width,
                      size_t batch, float* deltas) {
  double loss = 0;
  size_t count = width * batch;
  if (kind == LossKind::kCrossEntropy) {
    auto share = 1.0f / static_cast<float>(batch);
    for (size_t i = 0; i < count; i += width)
      loss += cross_entropy(outputs + i, targets + i, width, deltas + i);
    for (size_t i = 0; i < count; i++) deltas[i] *= share;
    return static_cast<float>(loss * share);
  }
  auto share = 1.0f / static_cast<float>(count);
  for (size_t i = 0; i < count; i++) {
    Point point = at(kind, outputs[i] - targets[i]);
    loss += point.loss;
    deltas[i] = point.slope * share;
  }
  return static_cast<float>(loss * share);
}

}  // namespace belay
