#include "learn/model_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/log.h"
#include "learn/actors.h"

namespace belay {
namespace {

// Estimates that are learnt from estimates want smaller steps.
constexpr float kLearningRateByReward = 3e-4f;

bool same_layers(const ModelVector<LayerRequest>& a, const ModelVector<LayerRequest>& b) {
  auto same = [](const LayerRequest& x, const LayerRequest& y) {
    return x.kind == y.kind && x.width == y.width && x.kernel == y.kernel && x.stride == y.stride;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

bool same_output(const Output& a, const Output& b) {
  return a.name == b.name && a.count == b.count && a.is_choice == b.is_choice && a.low == b.low &&
         a.high == b.high && a.fallback == b.fallback;
}

}  // namespace

Model* ModelStore::find(std::string_view name) {
  for (auto& model : models_)
    if (std::string_view(model->spec().name) == name) return model.get();
  return nullptr;
}

const OutputPlace* ModelStore::find_output(std::string_view name) const {
  for (const NamedOutput& output : outputs_)
    if (std::string_view(output.name) == name) return &output.place;
  return nullptr;
}

Status ModelStore::declare(std::string_view name, belay_au_kind kind, belay_au_algorithm algorithm,
                           const int32_t* layers) {
  if (!is_model_name(name))
    return fail(EINVAL, "'{}' is no name of a model: 1 to 63 letters, digits, '-', '_', '.'", name);
  if (kind != AU_DNN && kind != AU_CNN) return fail(EINVAL, "kind of model {}", int(kind));
  if (algorithm != AU_ADAM && algorithm != AU_SGD && algorithm != AU_QLEARN)
    return fail(EINVAL, "algorithm {}", int(algorithm));
  ModelSpec spec{.name = ModelString(name), .kind = kind, .algorithm = algorithm};
  BELAY_ASSIGN(spec.hidden, parse_layers(kind, layers));
  if (spec.learns_by_reward()) spec.options.optimiser.learning_rate = kLearningRateByReward;
  if (Model* known = find(name)) {
    const ModelSpec& other = known->spec();
    if (other.kind == kind && other.algorithm == algorithm &&
        same_layers(other.hidden, spec.hidden))
      return {};
    return fail(EEXIST, "model '{}' has been declared otherwise", name);
  }
  BELAY_TRY(apply_settings(settings_, name, spec.options));
  models_.push_back(make_in_model_memory<Model>(std::move(spec)));
  find_torch(*models_.back());
  return {};
}

Result<Model*> ModelStore::undecided(std::string_view name) {
  Model* model = find(name);
  if (model == nullptr) return fail(ENOENT, "no model '{}': au_config() declares it", name);
  if (model->learned() != nullptr)
    return fail(EBUSY, "model '{}' has begun to decide: declare everything before", name);
  return model;
}

// The same again does nothing, as with the other declarations.
Status ModelStore::set(std::string_view name, std::string_view option, double value) {
  Model* model = find(name);
  ModelOptions options = model != nullptr ? model->spec().options : ModelOptions();
  BELAY_TRY(set_option(options, option, value));
  if (model != nullptr) BELAY_TRY(apply_settings(settings_, name, options));
  if (model != nullptr && options == model->spec().options) return {};
  BELAY_ASSIGN(model, undecided(name));
  model->spec().options = options;
  return {};
}

Status ModelStore::declare_output(std::string_view name, Output output) {
  if (const OutputPlace* known = find_output(output.name)) {
    if (find(name) == known->model &&
        same_output(known->model->spec().outputs[known->index], output))
      return {};
    return fail(EEXIST, "'{}' has been declared otherwise", std::string_view(output.name));
  }
  BELAY_ASSIGN(Model * model, undecided(name));
  ModelSpec& spec = model->spec();
  if (output.name.empty()) return fail(EINVAL, "model '{}': an output without a name", name);
  if (spec.outputs.size() == kOutputsMax)
    return fail(E2BIG,
                "model '{}' has {} outputs and can't have more: one output may have many "
                "values",
                name, kOutputsMax);
  outputs_.push_back({output.name, {model, spec.outputs.size(), spec.network_outputs()}});
  spec.outputs.push_back(std::move(output));
  return {};
}

bool ModelStore::is_exchanged(const Model& model) {
  if (settings_.exchanged.empty()) settings_.exchanged = model.name();
  return settings_.exchanged == model.name();
}

void ModelStore::episode_ended(Model& model, double score) {
  if (model.returns.size() < Model::kReturnsKept) model.returns.push_back(0);
  model.returns[model.episodes++ % Model::kReturnsKept] = score;
  episode_log_.episode_ended(model.name(), model.stats(), score);
}

// What it has learned comes from the learner, and its memory holds what it has not sent yet.
Status ModelStore::prepare_actor(Model& model, Volume shape) {
  DeepQOptions& options = model.spec().options.deep_q;
  size_t rows = rows_of_message(DeepQ::row_width(shape.size()));
  options.memory = static_cast<uint32_t>(rows) + options.return_steps + 1;
  BELAY_TRY(model.build(shape, *backend_));
  Status begun = begin_acting(*this, model);
  model.broken = !begun;
  Random& random = model.learned()->random;
  random = Random(random.next() ^ settings_.actor << 48 ^ model.learned()->deep_q->decisions());
  return begun;
}

Status ModelStore::prepare(Model& model, Volume shape) {
  if (mode() == AuMode::kAct) return prepare_actor(model, shape);
  BELAY_TRY(model.build(shape, *backend_));
  std::string path = model_path(settings_.folder, model.spec().name);
  auto file = ModelFile::read(os_, path);
  Status loaded;
  if (file) {
    loaded = load_model(*file, path, *model.learned());
  } else if (file.error().code != ENOENT) {
    loaded = tl::make_unexpected(file.error());
  } else if (mode() == AuMode::kDeploy) {
    loaded = fail(ENOENT, "{}: there is none; BELAY_AU=train makes it, BELAY_AU_MODELS says where",
                  path);
  } else {
    prepare_folder();
  }
  if (!loaded) model.broken = true;
  if (model.spec().learns_by_reward())
    episode_log_.model_begins(model.spec().name, model.stats(), !model.broken);
  return loaded;
}

// Better said now than when it has learnt for hours.
void ModelStore::prepare_folder() {
  std::string folder = settings_.folder.empty() ? "." : std::string(settings_.folder);
  if (mkdir(folder.c_str(), 0777) == 0 || access(folder.c_str(), W_OK) == 0) return;
  warn(fail(errno, "{}: {}: what is learnt can't be saved", folder, errno_text(errno)).value());
}

bool ModelStore::exists(const std::string& path) const {
  long fd = os_.open(path.c_str(), O_RDONLY, 0);
  if (fd >= 0) os_.close(int(fd));
  return fd != -ENOENT;
}

// At au_config(), since no rollback leads to before a dlopen().
void ModelStore::find_torch(Model& model) {
  if (mode() == AuMode::kOff) return;
  std::string_view name = model.spec().name;
  model.scripted = mode() == AuMode::kDeploy && !exists(model_path(settings_.folder, name)) &&
                   exists(script_path(settings_.folder, name));
  if (!model.scripted && settings_.backend != AuBackend::kTorch) return;
  auto torch = torch_component();
  if (!torch) {
    model.broken = model.scripted;
    return warn(torch.error());
  }
  torch_ = *torch;
  if (settings_.backend == AuBackend::kTorch) backend_ = &torch_->backend();
}

Result<std::unique_ptr<TorchScript>> ModelStore::load_script(Model& model) const {
  std::string path = script_path(settings_.folder, model.spec().name);
  auto script = torch_->load_script(path);
  if (!script) return fail(script.error().code, "{}: {}", path, script.error().text());
  return script;
}

Status ModelStore::save_all() {
  Status first;
  for (auto& model : models_) {
    if (!model->changed || model->broken) continue;
    Status saved = save_model(os_, model_path(settings_.folder, model->spec().name), model->spec(),
                              model->shape(), *model->learned());
    if (saved) model->changed = false;
    if (first && !saved) first = saved;
  }
  return first;
}

Status ModelStore::put_back(const std::string& name, std::vector<std::byte> bytes) {
  for (auto& model : models_) {
    if (model_path("", model->spec().name) != name) continue;
    // One that has not decided yet reads its file when it does.
    if (model->learned() == nullptr)
      return save_file(os_, model_path(settings_.folder, model->spec().name), bytes);
    BELAY_ASSIGN(ModelFile file, ModelFile::from_bytes(std::move(bytes), name));
    return model->replace(file, name, *backend_);
  }
  return fail(ENOENT, "{}: no model of this name decides", name);
}

void ModelStore::warn(const Error& error) {
  if (warnings_.size() == kWarningsMax) return;
  uint64_t sum = checksum(error.message, error.text().size());
  if (std::find(warnings_.begin(), warnings_.end(), sum) != warnings_.end()) return;
  warnings_.push_back(sum);
  log(LogLevel::kError, "{}", error.text());
  if (warnings_.size() == kWarningsMax) log(LogLevel::kError, "no more of that is said");
}

void ModelStore::warn_of_settings() {
  for_each_setting(settings_, [this](std::string_view assignment, std::string_view model) {
    if (find(model) == nullptr)
      warn(fail(ENOENT, "BELAY_AU_SET: '{}' is of a model that was not declared", assignment)
               .value());
    return Status();
  });
}

}  // namespace belay
