// What the program declares of a model, before its first decision.
#pragma once

#include "belay/autonomize.h"
#include "learn/deep_q.h"
#include "learn/supervised.h"

namespace belay {

struct Output {
  ModelString name;
  uint32_t count = 1;
  bool is_choice = false;  // one of `count`, instead of `count` numbers
  float low = 0, high = 0, fallback = 0;

  // How many of the network's outputs it takes, and how many values it gives the program.
  uint32_t width() const { return count; }
  uint32_t values() const { return is_choice ? 1 : count; }
};

struct ModelOptions {
  OptimiserOptions optimiser;
  DeepQOptions deep_q;
  SupervisedOptions supervised;
  uint32_t seed = 1;
  bool operator==(const ModelOptions&) const = default;
};

constexpr size_t kOutputsMax = 64;  // of a model

struct ModelSpec {
  ModelString name;
  belay_au_kind kind = AU_DNN;
  belay_au_algorithm algorithm = AU_ADAM;
  ModelVector<LayerRequest> hidden;
  ModelVector<Output> outputs;
  ModelOptions options;

  bool learns_by_reward() const { return algorithm == AU_QLEARN; }
  uint32_t network_outputs() const;
};

// Whether a file may be called after it.
bool is_model_name(std::string_view name);

// Layers as belay_au_config() is given them.
Result<ModelVector<LayerRequest>> parse_layers(belay_au_kind kind, const int32_t* layers);

// An option by its name; fails for an unknown one, and for a value that is out of its range.
Status set_option(ModelOptions& options, std::string_view name, double value);

}  // namespace belay
