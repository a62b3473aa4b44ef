// What an actor tells the learner: transitions, as they lie in the replay memory, how many
// decisions they took, and how games ended. docs/actors.md describes the bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "learn/exchange.h"
#include "learn/model_memory.h"

namespace belay {

struct ExperienceHeader {
  uint64_t fingerprint;  // Learned's: of the same layers, outputs and bounds
  uint32_t decisions;    // made since the last message, those that were taken back included
  uint32_t endings;
  uint32_t rows;
  uint32_t width;  // floats in a row
};
static_assert(sizeof(ExperienceHeader) == 24);

// An episode that has ended.
struct Ending {
  double score;
  uint32_t decision;  // when so many of the message's decisions had been made
  uint32_t reserved;  // 0
};
static_assert(sizeof(Ending) == 16);

struct Experience {
  uint32_t decisions = 0;
  std::span<const Ending> endings;
  std::span<const float> rows;
};

constexpr uint32_t kMessageDecisionsMax = 4096;

// What an actor has gathered and not sent yet, but for the rows, which are in its replay memory.
struct Outbox {
  uint64_t rows_sent = 0;  // of all that were ever added
  uint32_t decisions = 0;
  ModelVector<Ending> endings;
  uint64_t sent_ns = 0;  // when
};

// How many rows a message brings, where they come fast.
size_t rows_of_message(size_t row_width);

class Model;
struct Learned;

// The oldest of what `model`'s outbox holds, which is then rid of it.
std::vector<std::byte> take_experience(Model& model);
// Views of `message`, whose length is right and whose numbers can be learnt from. Fails with
// EBADMSG.
Result<Experience> read_experience(std::span<const std::byte> message, Learned& learned);

}  // namespace belay
