// What a network is to make small: for one batch, the mean loss of a sample and its derivative.
#pragma once

#include <cstddef>
#include <cstdint>

namespace belay {

enum class LossKind : uint32_t {
  kSquared = 0,       // mean of (y - t)^2
  kAbsolute = 1,      // mean of |y - t|
  kHuber = 2,         // squared within 1, linear beyond (Huber 1964)
  kCrossEntropy = 3,  // of softmax(y) with a distribution t
};

// `outputs` and `targets`: `width` values for each of `batch` samples. `deltas` receives the
// derivative of the result by each output. Returns the loss.
float loss_and_deltas(LossKind kind, const float* outputs, const float* targets, size_t width,
                      size_t batch, float* deltas);

// In place, of `width` values.
void softmax(float* values, size_t width);

}  // namespace belay
