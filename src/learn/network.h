// What a network consists of: its layers' shapes, and where each one's weights lie in one flat
// vector of parameters, so that optimisers and model files see nothing but that vector.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "learn/random.h"

namespace belay {

// Values of a sample, channels last: value (y, x, c) is at (y * width + x) * channels + c.
struct Volume {
  uint32_t height = 1, width = 1, channels = 1;
  size_t size() const { return size_t{height} * width * channels; }
};

enum class LayerKind : uint32_t { kDense = 0, kConvolution = 1 };

// What a user asks for; the shapes follow.
struct LayerRequest {
  LayerKind kind = LayerKind::kDense;
  uint32_t width = 0;               // outputs of a dense layer, channels of a convolution
  uint32_t kernel = 0, stride = 1;  // of a convolution: square, no padding
};

struct Layer {
  LayerKind kind = LayerKind::kDense;
  uint32_t rectified = 0;  // max(0, x) behind it: all but the last
  Volume in, out;
  uint32_t kernel = 0, stride = 1;
  uint64_t weights = 0;  // offset: a matrix, out.channels x fan_in(), column by column
  uint64_t biases = 0;   // offset: out.channels of them

  // A dense layer is a convolution over the whole of its input as one point.
  size_t fan_in() const {
    return kind == LayerKind::kDense ? in.size() : size_t{kernel} * kernel * in.channels;
  }
  size_t weight_count() const { return fan_in() * out.channels; }
  size_t positions() const { return size_t{out.height} * out.width; }
};

constexpr size_t kLayersMax = 16;
constexpr size_t kParametersMax = size_t{1} << 28;  // a GiB of floats
constexpr uint32_t kVolumeSideMax = 1 << 20;

class Network {
 public:
  // `hidden` layers, and a dense one with `outputs` behind them. Fails when a shape is empty or
  // a limit above is passed.
  static Result<Network> make(Volume input, std::span<const LayerRequest> hidden, uint32_t outputs);

  std::span<const Layer> layers() const { return {layers_.data(), count_}; }
  size_t inputs() const { return layers_[0].in.size(); }
  size_t outputs() const { return layers_[count_ - 1].out.size(); }
  size_t parameter_count() const { return parameter_count_; }

  // Weights as He et al. (ICCV 2015) for rectified layers, biases 0.
  void initialise(std::span<float> parameters, Random& random) const;

 private:
  Status append(const LayerRequest& request, bool rectified);

  std::array<Layer, kLayersMax> layers_{};
  uint32_t count_ = 0;
  uint64_t parameter_count_ = 0;
  Volume end_;
};

}  // namespace belay
