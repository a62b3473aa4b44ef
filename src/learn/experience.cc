#include "learn/experience.h"

#include <errno.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "learn/model.h"

namespace belay {
namespace {

// As many as make the way there cheap beside them, and few enough to be fresh when they arrive.
constexpr size_t kMessageBytes = 64 << 10;
constexpr size_t kMessageRows = 256;

template <class T>
std::span<const T> take(std::span<const std::byte>& rest, size_t count) {
  auto values = reinterpret_cast<const T*>(rest.data());
  rest = rest.subspan(count * sizeof(T));
  return {values, count};
}

}  // namespace

size_t rows_of_message(size_t row_width) {
  return std::clamp<size_t>(kMessageBytes / (row_width * sizeof(float)), 1, kMessageRows);
}

std::vector<std::byte> take_experience(Model& model) {
  Outbox& outbox = model.outbox;
  SampleRing& memory = model.learned()->deep_q->memory();
  const size_t endings_bytes = outbox.endings.size() * sizeof(Ending);
  const size_t row_bytes = memory.width() * sizeof(float);
  size_t room = (kExperienceBytesMax - sizeof(ExperienceHeader) - endings_bytes) / row_bytes;
  size_t rows = std::min<size_t>(memory.added() - outbox.rows_sent, room);
  ExperienceHeader header{.fingerprint = model.learned()->fingerprint,
                          .decisions = outbox.decisions,
                          .endings = static_cast<uint32_t>(outbox.endings.size()),
                          .rows = static_cast<uint32_t>(rows),
                          .width = static_cast<uint32_t>(memory.width())};
  std::vector<std::byte> message(sizeof header + endings_bytes + rows * row_bytes);
  std::byte* to = message.data();
  auto put = [&to](const void* data, size_t bytes) {
    if (bytes != 0) memcpy(to, data, bytes);
    to += bytes;
  };
  put(&header, sizeof header);
  put(outbox.endings.data(), endings_bytes);
  for (; rows > 0; rows--) put(memory.row_added(outbox.rows_sent++).data(), row_bytes);
  outbox.decisions = 0;
  outbox.endings.clear();
  return message;
}

Result<Experience> read_experience(std::span<const std::byte> message, Learned& learned) {
  auto refuse = [](std::string_view why) { return fail(EBADMSG, "experience refused: {}", why); };
  ExperienceHeader header;
  if (message.size() < sizeof header) return refuse("it is cut off");
  memcpy(&header, message.data(), sizeof header);
  if (header.fingerprint != learned.fingerprint || header.width != learned.deep_q->memory().width())
    return refuse("of a model with other layers, outputs or bounds");
  uint64_t bytes = sizeof header + uint64_t{header.endings} * sizeof(Ending) +
                   uint64_t{header.rows} * header.width * sizeof(float);
  if (message.size() > kExperienceBytesMax || message.size() != bytes ||
      header.decisions > kMessageDecisionsMax)
    return refuse("its length is not what it says");
  std::span<const std::byte> rest = message.subspan(sizeof header);
  Experience experience{.decisions = header.decisions};
  experience.endings = take<Ending>(rest, header.endings);
  experience.rows = take<float>(rest, size_t{header.rows} * header.width);
  uint32_t last = 0;
  for (const Ending& ending : experience.endings) {
    if (ending.decision < last || ending.decision > header.decisions ||
        !std::isfinite(ending.score))
      return refuse("an episode that ended at no time, or with no score");
    last = ending.decision;
  }
  for (size_t i = 0; i < header.rows; i++)
    if (!learned.deep_q->is_row(experience.rows.subspan(i * header.width, header.width)))
      return refuse("a transition that can't be");
  return experience;
}

}  // namespace belay
