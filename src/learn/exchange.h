// Where the actors and the learner of a model meet: experience goes one way, weights the other.
// What they say is learn/experience.h's; how it travels is src/server/exchange_client.cc's.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace belay {

constexpr size_t kExperienceBytesMax = size_t{1} << 20;  // of a batch
constexpr size_t kWeightsBytesMax = size_t{256} << 20;

class Exchange {
 public:
  virtual ~Exchange() = default;

  // An actor's. Waits until the batch before has found room, and brings weights that are new since:
  // empty if there are none. With an empty batch it waits for all that was sent, and for weights.
  // Fails with ENOENT when nobody learns this model.
  virtual Status send(std::string_view model, std::span<const std::byte> batch,
                      std::vector<std::byte>& weights) = 0;

  // A learner's. The first makes it the learner of the model.
  virtual Status publish(std::string_view model, std::span<const std::byte> weights) = 0;
  // What an actor has sent; empty when nothing has come for a second.
  virtual Status receive(std::vector<std::byte>& batch) = 0;
};

// Before the first decision; `exchange` stays as long as the program.
void use_exchange(Exchange& exchange);

}  // namespace belay
