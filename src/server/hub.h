// What actors and learners exchange through the server: for each model that is being learned, its
// weights and the experience that its learner has not asked for yet. Bounded, in memory only: it
// goes with the learner. Plain data and calls between sessions, used from one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace belay {

class Session;

class Hub {
 public:
  using Body = std::shared_ptr<const std::string>;
  // Messages that wait for the learner; those that find no room wait with who sends them.
  static constexpr size_t kQueuedMax = 16;

  struct Weights {
    Body body;             // null: there are none
    uint64_t version = 0;  // no two are the same
  };

  // A learner's: fails with EBUSY when the model has another learner, EINVAL when `learner` has
  // another model. Those who waited for weights are told.
  Status publish(Session& learner, std::string_view model, Body weights);
  bool has_learner(std::string_view model) const;
  // The oldest message, or null. Those who waited for room are told.
  Body next(std::string_view model);

  Weights weights(std::string_view model) const;
  // Takes a message, unless there are no weights or no room; the learner is told.
  bool put(std::string_view model, const Body& message);
  // Is told once it is worth trying again.
  void wait(Session& actor, std::string_view model);

  // Nothing of it remains.
  void leave(Session& session, std::string_view model);

 private:
  struct Meeting {
    Session* learner = nullptr;
    Weights weights;
    std::deque<Body> queue;
    std::deque<Session*> waiting;
  };
  const Meeting* find(std::string_view model) const;
  void tell_waiting(std::string_view model);

  std::map<std::string, Meeting, std::less<>> meetings_;  // none without a session in it
  uint64_t last_version_ = 0;
};

}  // namespace belay
