#include "learn/model.h"

#include <errno.h>

#include "base/checksum.h"
#include "learn/model_file.h"

namespace belay {
namespace {

constexpr size_t kMemoryBytesMax = size_t{1} << 29;  // of one model's examples or transitions

// XXH3 of the algorithm, the layers and the outputs with their bounds.
uint64_t fingerprint_of(const ModelSpec& spec, const Network& network) {
  uint64_t sum = checksum(&spec.algorithm, sizeof spec.algorithm);
  auto add = [&sum](const auto& value) {
    uint64_t pair[2] = {sum, checksum(&value, sizeof value)};
    sum = checksum(pair, sizeof pair);
  };
  for (const Layer& layer : network.layers()) add(layer);
  for (const Output& output : spec.outputs) {
    add(checksum(output.name.data(), output.name.size()));
    add(output.count);
    add(uint32_t{output.is_choice});
    add(output.low);
    add(output.high);
  }
  return sum;
}

uint32_t rows_that_fit(uint32_t wanted, size_t width) {
  return static_cast<uint32_t>(std::min<size_t>(wanted, kMemoryBytesMax / (width * sizeof(float))));
}

}  // namespace

Learned::Learned(const ModelSpec& spec, const Network& network, const Backend& backend)
    : fingerprint(fingerprint_of(spec, network)), random(spec.options.seed) {
  OptimiserOptions optimiser = spec.options.optimiser;
  optimiser.kind = spec.algorithm == AU_SGD ? OptimiserKind::kSgd : OptimiserKind::kAdam;
  if (spec.learns_by_reward()) {
    DeepQOptions options = spec.options.deep_q;
    options.memory = rows_that_fit(options.memory, 2 * network.inputs() + 3);
    deep_q.emplace(network, optimiser, options, backend, random);
  } else {
    SupervisedOptions options = spec.options.supervised;
    bool one_choice = spec.outputs.size() == 1 && spec.outputs[0].is_choice;
    if (one_choice && options.loss == LossKind::kSquared) options.loss = LossKind::kCrossEntropy;
    options.memory = rows_that_fit(options.memory, network.inputs() + network.outputs());
    supervised.emplace(network, optimiser, options, backend, random);
  }
}

void Learned::visit(Archive& archive) {
  archive.field("fingerprint", fingerprint);
  archive.field("random", random.state());
  if (deep_q) deep_q->visit(archive);
  if (supervised) supervised->visit(archive);
}

void Learned::visit_policy(Archive& archive) {
  archive.field("fingerprint", fingerprint);
  deep_q->visit_policy(archive);
}

Status Model::check() const {
  if (spec_.outputs.empty())
    return fail(EINVAL, "model '{}' has nothing to decide: au_output() or au_choice() first",
                std::string_view(spec_.name));
  bool one_choice = spec_.outputs.size() == 1 && spec_.outputs[0].is_choice;
  if (spec_.learns_by_reward() && !one_choice)
    return fail(EINVAL, "model '{}' learns by reward: it has one au_choice() and nothing else",
                std::string_view(spec_.name));
  return {};
}

Status Model::build(Volume shape, const Backend& backend) {
  BELAY_TRY(check());
  BELAY_ASSIGN(Network network, Network::make(shape, spec_.hidden, spec_.network_outputs()));
  learned_ = make_in_model_memory<Learned>(spec_, network, backend);
  shape_ = shape;
  return {};
}

Status Model::replace(const ModelFile& file, const std::string& label, const Backend& backend) {
  BELAY_ASSIGN(Network network, Network::make(shape_, spec_.hidden, spec_.network_outputs()));
  auto fresh = make_in_model_memory<Learned>(spec_, network, backend);
  BELAY_TRY(load_model(file, label, *fresh));
  learned_ = std::move(fresh);
  changed = true;
  return {};
}

belay_au_stats Model::stats() {
  belay_au_stats result{.fallbacks = fallbacks, .episodes = episodes};
  for (double value : returns) result.mean_return += value / static_cast<double>(returns.size());
  if (learned_ == nullptr) return result;
  if (learned_->deep_q) {
    result.decisions = learned_->deep_q->decisions();
    result.batches = learned_->deep_q->learner().steps();
    result.last_loss = learned_->deep_q->last_loss();
    result.epsilon = learned_->deep_q->epsilon();
  } else {
    result.examples = learned_->supervised->examples();
    result.batches = learned_->supervised->learner().steps();
    result.last_loss = learned_->supervised->last_loss();
  }
  return result;
}

}  // namespace belay
