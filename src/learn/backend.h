// The arithmetic of networks, behind one interface: Eigen (always there), libtorch (a component).
#pragma once

#include <string_view>

#include "learn/model_memory.h"
#include "learn/network.h"

namespace belay {

// What a network computes for a batch, layer by layer; reused from batch to batch.
class Workspace {
 public:
  Workspace(const Network& network, size_t batch_max, bool training);

  size_t batch_max() const { return batch_max_; }
  size_t batch() const { return batch_; }
  void set_batch(size_t batch);

  // The input of layer i, i up to the number of layers: then it is the output. One column a sample.
  float* values(size_t i) { return memory_.data() + values_[i]; }
  // d loss / d values(i). pre: made for training.
  float* deltas(size_t i) { return memory_.data() + deltas_[i]; }
  // One sample's patches of a convolution, and their deltas.
  float* patches() { return memory_.data() + patches_; }
  float* patch_deltas() { return memory_.data() + patch_deltas_; }

 private:
  size_t batch_max_, batch_;
  std::array<size_t, kLayersMax + 1> values_{}, deltas_{};
  size_t patches_ = 0, patch_deltas_ = 0;
  ModelVector<float> memory_;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  // From values(0) to all the others.
  virtual void forward(const Network& network, const float* parameters, Workspace& space) const = 0;
  // From the deltas of the output to `gradient`, the sum over the batch. pre: forward() was called
  // with the same workspace.
  virtual void backward(const Network& network, const float* parameters, Workspace& space,
                        float* gradient) const = 0;
};

// One of Eigen's for this processor. Not thread-safe in a workspace, otherwise thread-safe.
const Backend& eigen_backend();

}  // namespace belay
