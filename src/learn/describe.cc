#include "learn/describe.h"

#include <nlohmann/json.hpp>

namespace belay {
namespace {

using nlohmann::json;

json describe_layer(const Layer& layer) {
  if (layer.kind == LayerKind::kDense) return {{"kind", "dense"}, {"outputs", layer.out.channels}};
  return {{"kind", "convolution"},
          {"channels", layer.out.channels},
          {"kernel", layer.kernel},
          {"stride", layer.stride}};
}

json describe_output(const Output& output) {
  json result = {{"name", std::string(output.name)}, {"default", output.fallback}};
  if (output.is_choice) {
    result["choices"] = output.count;
  } else {
    result.update({{"values", output.count}, {"low", output.low}, {"high", output.high}});
  }
  return result;
}

}  // namespace

std::string describe_model(const ModelSpec& spec, Volume shape, Learned& learned) {
  Learner& learner =
      spec.learns_by_reward() ? learned.deep_q->learner() : learned.supervised->learner();
  json result = {
      {"name", std::string(spec.name)},
      {"algorithm", spec.algorithm == AU_QLEARN ? "deep Q-learning"
                    : spec.algorithm == AU_SGD  ? "supervised, gradient descent"
                                                : "supervised, Adam"},
      {"input", {shape.height, shape.width, shape.channels}},
      {"layers", json::array()},
      {"outputs", json::array()},
      {"parameters", learner.network().parameter_count()},
      {"batches", learner.steps()},
  };
  for (const Layer& layer : learner.network().layers())
    result["layers"].push_back(describe_layer(layer));
  for (const Output& output : spec.outputs) result["outputs"].push_back(describe_output(output));
  if (learned.deep_q) {
    result["decisions"] = learned.deep_q->decisions();
    result["epsilon"] = learned.deep_q->epsilon();
  } else {
    result["examples"] = learned.supervised->examples();
  }
  return result.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace belay
