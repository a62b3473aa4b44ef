#include "learn/decisions.h"

#include <errno.h>

#include <cmath>
#include <utility>

#include "learn/actors.h"
#include "learn/values.h"

namespace belay {
namespace {

// Networks compute with -1 ... 1, programs with low ... high.
float from_unit(const Output& output, float value) {
  float share = (std::clamp(value, -1.0f, 1.0f) + 1) / 2;
  return output.low + share * (output.high - output.low);
}
float to_unit(const Output& output, float value) {
  if (output.high <= output.low) return 0;
  return std::clamp(2 * (value - output.low) / (output.high - output.low) - 1, -1.0f, 1.0f);
}

// A sum is finite only if all that is in it is, and it needs no branch for each value.
bool all_finite(std::span<const float> values) {
  float sum = 0;
  for (float value : values) sum += value * 0;
  return sum == 0;
}

}  // namespace

Status Decisions::configure(std::string_view name, belay_au_kind kind, belay_au_algorithm algorithm,
                            const int32_t* layers) {
  BELAY_TRY(models_.declare(name, kind, algorithm, layers));
  Model& model = *models_.find(name);
  if (model.scripted && !model.broken)
    if (auto script = script_of(model); !script) models_.warn(script.error());
  return {};
}

Status Decisions::extract(std::string_view name, belay_au_type type, Volume shape,
                          const void* data) {
  if (bytes_of(type) == 0) return fail(EINVAL, "'{}': type {} does not exist", name, int(type));
  if (name.empty()) return fail(EINVAL, "values without a name");
  if (shape.size() == 0 || shape.size() > kParametersMax || data == nullptr)
    return fail(EINVAL, "'{}': {} values at {}", name, shape.size(), data);
  Feature& feature = program_.features.at(name);
  feature.shape = shape;
  feature.values.resize(shape.size());
  to_floats(type, data, feature.values);
  return {};
}

Status Decisions::serialize(std::string_view out, const char* const* names) {
  if (out.empty() || names == nullptr) return fail(EINVAL, "'{}' is to be made of nothing", out);
  Feature& joined = program_.features.at(out);
  joined.values.clear();
  for (; *names != nullptr; names++) {
    if (out == *names) return fail(EINVAL, "'{}' can't become a part of itself", out);
    const Feature* part = program_.features.find(*names);
    if (part == nullptr) return fail(ENOENT, "'{}' has never been extracted", *names);
    joined.values.insert(joined.values.end(), part->values.begin(), part->values.end());
  }
  joined.shape = {.channels = static_cast<uint32_t>(joined.values.size())};
  return {};
}

Result<Model*> Decisions::ready(std::string_view name, bool by_reward, std::string_view inputs,
                                const Feature** feature) {
  Model* model = models_.find(name);
  if (model == nullptr) return fail(ENOENT, "no model '{}': au_config() declares it", name);
  auto refuse = [&](const Error& error) -> Result<Model*> {
    fall_back(*model);
    models_.warn(error);
    return tl::make_unexpected(error);
  };
  if (model->spec().learns_by_reward() != by_reward)
    return refuse(fail(EINVAL, "model '{}' {}", name,
                       by_reward ? "learns from examples: it takes no reward and no terminal flag"
                                 : "is AU_QLEARN: it wants a reward and a terminal flag")
                      .value());
  *feature = program_.features.find(inputs);
  if (*feature == nullptr || (*feature)->values.empty())
    return refuse(fail(ENOENT, "model '{}': '{}' has never been extracted", name, inputs).value());
  const Volume shape = (*feature)->shape;
  if (model->learned() == nullptr) {
    Status prepared = model->scripted ? model->check() : models_.prepare(*model, shape);
    if (!prepared) return refuse(prepared.error());
  }
  if (model->broken)
    return refuse(fail(EBADMSG, "model '{}' can't be used: it decides its defaults", name).value());
  const Volume known = model->scripted ? shape : model->shape();  // what fits, a script knows
  if (shape.height != known.height || shape.width != known.width ||
      shape.channels != known.channels)
    return refuse(fail(EINVAL, "model '{}': '{}' is {} x {} x {} values now, and was {} x {} x {}",
                       name, inputs, shape.height, shape.width, shape.channels, known.height,
                       known.width, known.channels)
                      .value());
  if (!all_finite((*feature)->values))
    return refuse(fail(EDOM, "model '{}': a value of '{}' is not finite", name, inputs).value());
  return model;
}

void Decisions::fall_back(Model& model) {
  model.fallbacks++;
  for (const Output& output : model.spec().outputs)
    program_.features.at(output.name).values.assign(output.values(), output.fallback);
  program_.open[&model].missing = 0;
}

Status Decisions::publish(Model& model, std::span<const float> outputs) {
  if (!all_finite(outputs)) {
    fall_back(model);
    auto error =
        fail(EDOM, "model '{}': a decision is not finite", std::string_view(model.spec().name));
    models_.warn(error.value());
    return error;
  }
  size_t column = 0;
  for (const Output& output : model.spec().outputs) {
    auto mine = outputs.subspan(column, output.width());
    auto& values = program_.features.at(output.name).values;
    values.resize(output.values());
    if (output.is_choice) {
      values[0] = static_cast<float>(std::max_element(mine.begin(), mine.end()) - mine.begin());
    } else {
      for (size_t i = 0; i < mine.size(); i++)
        values[i] = model.scripted ? std::clamp(mine[i], output.low, output.high)
                                   : from_unit(output, mine[i]);
    }
    column += output.width();
  }
  return {};
}

// A rollback to before it was read has forgotten it.
Result<TorchScript*> Decisions::script_of(Model& model) {
  std::shared_ptr<TorchScript>& script = program_.scripts[&model];
  if (script == nullptr) {
    auto loaded = models_.load_script(model);
    model.broken = !loaded;
    if (!loaded) return tl::make_unexpected(loaded.error());
    script = std::move(*loaded);
  }
  return script.get();
}

Status Decisions::decide_by_script(Model& model, const Feature& inputs) {
  std::vector<float> outputs(model.spec().network_outputs());
  Status decided;
  if (auto script = script_of(model)) {
    decided = (*script)->decide(inputs.shape, inputs.values, outputs);
  } else {
    decided = tl::make_unexpected(script.error());
  }
  if (decided) return publish(model, outputs);
  fall_back(model);
  decided = fail(decided.error().code, "model '{}': {}", std::string_view(model.spec().name),
                 decided.error().text());
  models_.warn(decided.error());
  return decided;
}

Status Decisions::decide(std::string_view name, std::string_view inputs) {
  if (models_.is_shared()) return {};
  const Feature* feature = nullptr;
  BELAY_ASSIGN(Model * model, ready(name, false, inputs, &feature));
  if (model->scripted) return decide_by_script(*model, *feature);
  if (models_.mode() == AuMode::kDeploy)
    return publish(*model, model->learned()->supervised->decide(feature->values));
  // The program's own values are the example: those extracted under an output's name are here.
  OpenDecision& open = program_.open[model];
  open.inputs = feature->values;
  open.targets.assign(model->spec().network_outputs(), 0);
  open.missing = ~uint64_t{0} >> (kOutputsMax - model->spec().outputs.size());
  for (const Output& output : model->spec().outputs)
    if (Feature* value = program_.features.find(output.name); value && !value->values.empty()) {
      take_example(*models_.find_output(output.name), value->values);
      value->values.clear();
    }
  return {};
}

void Decisions::take_example(const OutputPlace& place, std::span<const float> values) {
  auto found = program_.open.find(place.model);
  if (found == program_.open.end() || (found->second.missing >> place.index & 1) == 0) return;
  OpenDecision& open = found->second;
  const Output& output = place.model->spec().outputs[place.index];
  if (values.size() != output.values() || !all_finite(values)) return;
  std::span<float> targets = std::span(open.targets).subspan(place.column, output.width());
  if (output.is_choice) {
    if (!(values[0] > -1 && values[0] < float(output.count)))
      return models_.warn(fail(ERANGE, "'{}': {} is none of its {} choices, and no example",
                               std::string_view(output.name), values[0], output.count)
                              .value());
    targets[static_cast<size_t>(values[0])] = 1;
  } else {
    for (size_t i = 0; i < values.size(); i++) targets[i] = to_unit(output, values[i]);
  }
  open.missing &= ~(uint64_t{1} << place.index);
  if (open.missing != 0) return;
  Learned& learned = *place.model->learned();
  learned.supervised->add_example(open.inputs, open.targets);
  if (models_.mode() == AuMode::kTrain) learned.supervised->learn(learned.random);
  place.model->changed = true;
}

Status Decisions::decide_by_reward(std::string_view name, std::string_view inputs, double reward,
                                   bool terminal) {
  if (Model* other = models_.find(name); shares_another(other)) {
    fall_back(*other);
    return {};
  }
  const Feature* feature = nullptr;
  auto found = ready(name, true, inputs, &feature);
  Model* model = models_.find(name);
  if (models_.mode() == AuMode::kRecord && found) return {};
  if (found && !std::isfinite(reward)) {
    fall_back(*model);
    found = fail(EDOM, "model '{}': the reward is not finite", name);
  }
  if (!found) {
    if (model != nullptr) lose_sight(*model, terminal);
    return tl::make_unexpected(found.error());
  }
  program_.open[model].score += reward;
  Status decided;
  if (model->scripted) {
    decided = decide_by_script(*model, *feature);
  } else {
    reinforce(*model, *feature, static_cast<float>(reward), terminal);
  }
  if (terminal) end_episode(*model);
  if (models_.mode() == AuMode::kAct) send_when_due(models_, *model);
  return decided;
}

bool Decisions::shares_another(const Model* model) {
  return models_.is_shared() && model != nullptr && model->spec().learns_by_reward() &&
         !models_.is_exchanged(*model);
}

Result<Model*> Decisions::learner(std::string_view name, std::string_view inputs) {
  if (Model* other = models_.find(name); shares_another(other)) {
    fall_back(*other);
    return nullptr;
  }
  const Feature* feature = nullptr;
  return ready(name, true, inputs, &feature);
}

void Decisions::reinforce(Model& model, const Feature& state, float reward, bool terminal) {
  Learned& learned = *model.learned();
  DeepQ& deep_q = *learned.deep_q;
  auto& decided = program_.features.at(model.spec().outputs[0].name).values;
  decided.assign(1, model.spec().outputs[0].fallback);
  if (models_.mode() == AuMode::kDeploy) {
    if (!terminal) decided[0] = static_cast<float>(deep_q.choose(state.values));
    return;
  }
  Episode& episode = program_.open[&model].episode;
  if (models_.mode() == AuMode::kAct) {
    deep_q.note(episode, state.values, reward, terminal);
    if (terminal) return;
    decided[0] = static_cast<float>(deep_q.explore(episode, state.values, learned.random));
    model.outbox.decisions++;
    return;
  }
  deep_q.observe(episode, state.values, reward, terminal, learned.random);
  if (!terminal)
    decided[0] = static_cast<float>(deep_q.explore(episode, state.values, learned.random));
  model.changed = true;
}

// What came of the last decisions is not known, so nothing is learnt from them.
void Decisions::lose_sight(Model& model, bool terminal) {
  program_.open[&model].episode.open.clear();
  if (terminal && model.learned() != nullptr && !model.broken) end_episode(model);
}

void Decisions::end_episode(Model& model) {
  double score = std::exchange(program_.open[&model].score, 0);
  if (models_.mode() == AuMode::kAct) {
    model.outbox.endings.push_back({.score = score, .decision = model.outbox.decisions});
  } else {
    models_.episode_ended(model, score);
  }
}

Status Decisions::write_back(std::string_view name, belay_au_type type, size_t count, void* dst) {
  const OutputPlace* place = models_.find_output(name);
  if (place == nullptr) return fail(ENOENT, "'{}' is decided by no model", name);
  if (bytes_of(type) == 0 || dst == nullptr)
    return fail(EINVAL, "'{}': type {} at {}", name, int(type), dst);
  const Output& output = place->model->spec().outputs[place->index];
  if (count != output.values())
    return fail(EINVAL, "'{}': {} values asked for, {} declared", name, count, output.values());
  bool supervised = !place->model->spec().learns_by_reward();
  if (supervised && models_.is_shared()) return {};
  if (models_.mode() == AuMode::kRecord || (supervised && models_.mode() == AuMode::kTrain)) {
    std::vector<float> values(count);
    to_floats(type, dst, values);
    take_example(*place, values);
    return {};
  }
  const Feature* feature = program_.features.find(name);
  if (feature == nullptr || feature->values.size() != count)
    return fail(ENOENT, "'{}' has not been decided", name);
  from_floats(type, feature->values, dst);
  return {};
}

}  // namespace belay
