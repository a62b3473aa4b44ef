// How the program and its models meet: what is extracted, what is decided, what is learnt from it.
#pragma once

#include "learn/feature_store.h"
#include "learn/model_store.h"

namespace belay {

// A model's decision that the program has not made complete yet.
struct OpenDecision {
  std::vector<float> inputs;
  std::vector<float> targets;  // of a supervised model's network
  uint64_t missing = 0;        // outputs whose value is not known yet, a bit for each
  Episode episode;
  double score = 0;  // rewards since the last terminal
};

// The program's side, in ordinary memory: it goes back with the program.
struct ProgramState {
  FeatureStore features;
  std::unordered_map<const Model*, OpenDecision> open;
  std::unordered_map<const Model*, std::shared_ptr<TorchScript>> scripts;
};

class Decisions {
 public:
  Decisions(ModelStore& models, ProgramState& program) : models_(models), program_(program) {}

  // Declares a model, and reads it if it is a script.
  Status configure(std::string_view model, belay_au_kind kind, belay_au_algorithm algorithm,
                   const int32_t* layers);
  Status extract(std::string_view name, belay_au_type type, Volume shape, const void* data);
  Status serialize(std::string_view out, const char* const* names);
  Status decide(std::string_view model, std::string_view inputs);
  Status decide_by_reward(std::string_view model, std::string_view inputs, double reward,
                          bool terminal);
  // The model that a learner's process learns from now on; null: it is another, with its default.
  Result<Model*> learner(std::string_view model, std::string_view inputs);
  Status write_back(std::string_view name, belay_au_type type, size_t count, void* dst);

 private:
  // The model, with what it has learned, and its inputs; an error when it can't decide from them.
  Result<Model*> ready(std::string_view name, bool by_reward, std::string_view inputs,
                       const Feature** feature);
  // The values of a network or a script: fails, and brings the defaults, unless they are finite.
  Status publish(Model& model, std::span<const float> outputs);
  Result<TorchScript*> script_of(Model& model);
  Status decide_by_script(Model& model, const Feature& inputs);
  void fall_back(Model& model);
  void reinforce(Model& model, const Feature& state, float reward, bool terminal);
  bool shares_another(const Model* model);
  void lose_sight(Model& model, bool terminal);
  void end_episode(Model& model);
  void take_example(const OutputPlace& place, std::span<const float> values);

  ModelStore& models_;
  ProgramState& program_;
};

}  // namespace belay
