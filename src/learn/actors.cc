#include "learn/actors.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/log.h"
#include "learn/end_signals.h"

namespace belay {
namespace {

// A program that decides once a second is to be learnt from all the same.
constexpr uint64_t kSendEveryNs = 500'000'000;
constexpr size_t kEndingsMax = 256;

uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
}

Status exchange_for_weights(ModelStore& models, Model& model, std::span<const std::byte> batch) {
  std::vector<std::byte> weights;
  BELAY_TRY(models.exchange()->send(model.name(), batch, weights));
  model.outbox.sent_ns = now_ns();
  if (weights.empty()) return {};
  const std::string label = fmt::format("the weights of '{}'", std::string_view(model.name()));
  BELAY_ASSIGN(ModelFile file, ModelFile::from_bytes(std::move(weights), label));
  return load_weights(file, label, *model.learned());
}

Status no_exchange() { return fail(EINVAL, "BELAY_AU=act and learn want BELAY_AU_EXCHANGE"); }

Status take_in(ModelStore& models, Model& model, std::span<const std::byte> message,
               void (*pause)()) {
  Learned& learned = *model.learned();
  BELAY_ASSIGN(Experience experience, read_experience(message, learned));
  const size_t width = learned.deep_q->memory().width();
  for (size_t at = 0; at < experience.rows.size(); at += width)
    learned.deep_q->take_in(experience.rows.subspan(at, width));
  auto ending = experience.endings.begin();
  for (uint32_t made = 0;; made++) {
    for (; ending != experience.endings.end() && ending->decision == made; ++ending)
      models.episode_ended(model, ending->score);
    if (made == experience.decisions) break;
    learned.deep_q->count_decision(learned.random);
    model.changed = true;
    pause();
  }
  return {};
}

}  // namespace

Status begin_acting(ModelStore& models, Model& model) {
  if (models.exchange() == nullptr) return no_exchange();
  return exchange_for_weights(models, model, {});
}

void send_when_due(ModelStore& models, Model& model) {
  if (model.broken || model.learned() == nullptr) return;
  const Outbox& outbox = model.outbox;
  const SampleRing& memory = model.learned()->deep_q->memory();
  bool enough = memory.added() - outbox.rows_sent >= rows_of_message(memory.width()) ||
                outbox.decisions >= kMessageDecisionsMax || outbox.endings.size() >= kEndingsMax;
  if (!enough && now_ns() - outbox.sent_ns < kSendEveryNs) return;
  Status sent = exchange_for_weights(models, model, take_experience(model));
  // One that decides seldom does not let the answer lie: it would be old, and the server waits.
  if (sent && !enough) sent = exchange_for_weights(models, model, {});
  if (!sent) {
    log(LogLevel::kError, "{}: this actor ends", sent.error().text());
    end_by(1u << SIGTERM);
  }
}

Status send_rest(ModelStore& models) {
  for (auto& model : models.models()) {
    if (model->broken || model->learned() == nullptr || !models.is_exchanged(*model)) continue;
    BELAY_TRY(exchange_for_weights(models, *model, take_experience(*model)));
    BELAY_TRY(exchange_for_weights(models, *model, {}));
  }
  return {};
}

Status learn_from_actors(ModelStore& models, Model& model, void (*pause)()) {
  if (models.exchange() == nullptr) return no_exchange();
  auto publish = [&] {
    return models.exchange()->publish(model.name(), encode_weights(*model.learned()));
  };
  Status status = publish();
  while (status) {
    pause();  // nothing may come
    std::vector<std::byte> message;
    status = models.exchange()->receive(message);
    if (!status || message.empty()) continue;
    if (Status taken = take_in(models, model, message, pause); !taken) models.warn(taken.error());
    status = publish();
  }
  return status;
}

}  // namespace belay
