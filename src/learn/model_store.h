// The model store: all models of the program, in model memory, itself included, so that nothing of
// it goes back with the program.
#pragma once

#include "learn/episode_log.h"
#include "learn/exchange.h"
#include "learn/model_file.h"
#include "learn/settings.h"
#include "learn/torch_component.h"

namespace belay {

struct OutputPlace {
  Model* model;
  size_t index;   // among the model's outputs
  size_t column;  // of the network's outputs: its first
};

class ModelStore {
 public:
  ModelStore(Os& os, AuSettings settings) : os_(os), settings_(std::move(settings)) {}

  AuMode mode() const { return settings_.mode; }
  const Backend& backend() const { return *backend_; }
  EpisodeLog& episode_log() { return episode_log_; }
  std::span<ModelPointer<Model>> models() { return models_; }

  // Fails with EINVAL for a bad name or layers, EEXIST when the name means something else already.
  Status declare(std::string_view name, belay_au_kind kind, belay_au_algorithm algorithm,
                 const int32_t* layers);
  Status declare_output(std::string_view model, Output output);
  // An option, unless it was chosen outside the program, which has the last word.
  Status set(std::string_view model, std::string_view option, double value);

  Model* find(std::string_view name);
  const OutputPlace* find_output(std::string_view name) const;

  // Makes what `model` learns for inputs of this shape, and reads its file if there is one.
  Status prepare(Model& model, Volume shape);
  // Where actors and learner meet; null: nowhere.
  Exchange* exchange() const { return exchange_; }
  void use_exchange(Exchange& exchange) { exchange_ = &exchange; }
  bool is_shared() const { return mode() == AuMode::kAct || mode() == AuMode::kLearn; }
  // Whether it is the model that they share: one of them in a program.
  bool is_exchanged(const Model& model);

  void episode_ended(Model& model, double score);

  // For a scripted model. The program's: see TorchComponent.
  Result<std::unique_ptr<TorchScript>> load_script(Model& model) const;
  // Writes every model that has changed; the first failure is returned, after trying all.
  Status save_all();

  // As carry.h has it.
  Status put_back(const std::string& file, std::vector<std::byte> bytes);

  // On standard error, each sentence once, and no more than kWarningsMax.
  void warn(const Error& error);
  static constexpr size_t kWarningsMax = 100;
  // What was chosen outside for models that there are not.
  void warn_of_settings();

 private:
  // Fails with ENOENT for an unknown model, and EBUSY when it has decided already.
  Result<Model*> undecided(std::string_view name);
  Status prepare_actor(Model& model, Volume shape);
  void prepare_folder();
  void find_torch(Model& model);
  bool exists(const std::string& path) const;

  Os& os_;
  AuSettings settings_;
  const Backend* backend_ = &eigen_backend();
  const TorchComponent* torch_ = nullptr;
  ModelVector<ModelPointer<Model>> models_;
  struct NamedOutput {
    ModelString name;
    OutputPlace place;
  };
  ModelVector<NamedOutput> outputs_;
  Exchange* exchange_ = nullptr;
  EpisodeLog episode_log_;
  ModelVector<uint64_t> warnings_;  // checksums of sentences
};

}  // namespace belay
