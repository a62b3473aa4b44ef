#include "learn/network.h"

#include <errno.h>

namespace belay {

Status Network::append(const LayerRequest& request, bool rectified) {
  if (count_ == kLayersMax) return fail(E2BIG, "a network has at most {} layers", kLayersMax);
  Layer layer{.kind = request.kind, .rectified = rectified, .in = end_};
  if (request.width == 0 || request.width > kVolumeSideMax)
    return fail(EINVAL, "layer {} has {} outputs: 1 to {} are possible", count_ + 1, request.width,
                kVolumeSideMax);
  layer.out = {.channels = request.width};
  if (request.kind == LayerKind::kConvolution) {
    if (request.kernel == 0 || request.stride == 0 || request.kernel > end_.height ||
        request.kernel > end_.width)
      return fail(EINVAL, "layer {}: a kernel of {} and a stride of {} do not fit {} x {}",
                  count_ + 1, request.kernel, request.stride, end_.height, end_.width);
    layer.kernel = request.kernel;
    layer.stride = request.stride;
    layer.out.height = (end_.height - request.kernel) / request.stride + 1;
    layer.out.width = (end_.width - request.kernel) / request.stride + 1;
  }
  layer.weights = parameter_count_;
  layer.biases = parameter_count_ + layer.weight_count();
  parameter_count_ = layer.biases + layer.out.channels;
  if (parameter_count_ > kParametersMax)
    return fail(E2BIG, "a network of more than {} parameters", kParametersMax);
  layers_[count_++] = layer;
  end_ = layer.out;
  return {};
}

Result<Network> Network::make(Volume input, std::span<const LayerRequest> hidden,
                              uint32_t outputs) {
  Network network;
  if (input.size() == 0 || input.height > kVolumeSideMax || input.width > kVolumeSideMax ||
      input.channels > kVolumeSideMax)
    return fail(EINVAL, "an input of {} x {} x {} values", input.height, input.width,
                input.channels);
  network.end_ = input;
  for (const LayerRequest& request : hidden) BELAY_TRY(network.append(request, true));
  BELAY_TRY(network.append({.width = outputs}, false));
  return network;
}

void Network::initialise(std::span<float> parameters, Random& random) const {
  for (const Layer& layer : layers()) {
    double scale = std::sqrt((layer.rectified ? 2.0 : 1.0) / static_cast<double>(layer.fan_in()));
    for (size_t i = 0; i < layer.weight_count(); i++)
      parameters[layer.weights + i] = static_cast<float>(scale * random.normal());
    for (size_t i = 0; i < layer.out.channels; i++) parameters[layer.biases + i] = 0;
  }
}

}  // namespace belay
