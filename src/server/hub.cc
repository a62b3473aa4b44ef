#include "server/hub.h"

#include <errno.h>

#include <utility>

#include "server/session.h"

namespace belay {

const Hub::Meeting* Hub::find(std::string_view model) const {
  auto found = meetings_.find(model);
  return found == meetings_.end() ? nullptr : &found->second;
}

Status Hub::publish(Session& learner, std::string_view model, Body weights) {
  Meeting& meeting = meetings_[std::string(model)];
  if (meeting.learner != nullptr && meeting.learner != &learner)
    return fail(EBUSY, "model '{}' has a learner already", model);
  bool first = meeting.learner == nullptr;
  meeting.learner = &learner;
  meeting.weights = {std::move(weights), ++last_version_};
  if (first) tell_waiting(model);
  return {};
}

bool Hub::has_learner(std::string_view model) const {
  const Meeting* meeting = find(model);
  return meeting != nullptr && meeting->learner != nullptr;
}

Hub::Body Hub::next(std::string_view model) {
  auto found = meetings_.find(model);
  if (found == meetings_.end() || found->second.queue.empty()) return nullptr;
  Body message = std::move(found->second.queue.front());
  found->second.queue.pop_front();
  tell_waiting(model);
  return message;
}

Hub::Weights Hub::weights(std::string_view model) const {
  const Meeting* meeting = find(model);
  return meeting == nullptr ? Weights{} : meeting->weights;
}

bool Hub::put(std::string_view model, const Body& message) {
  auto found = meetings_.find(model);
  if (found == meetings_.end() || found->second.learner == nullptr) return false;
  Meeting& meeting = found->second;
  if (message->empty()) return true;
  if (meeting.queue.size() >= kQueuedMax) return false;
  meeting.queue.push_back(message);
  meeting.learner->on_experience();
  return true;
}

void Hub::wait(Session& actor, std::string_view model) {
  meetings_[std::string(model)].waiting.push_back(&actor);
}

// As many as there is room for: who is told and finds none waits again.
void Hub::tell_waiting(std::string_view model) {
  for (;;) {
    auto found = meetings_.find(model);  // what one of them does may end the meeting
    if (found == meetings_.end()) return;
    Meeting& meeting = found->second;
    if (!meeting.learner || meeting.waiting.empty() || meeting.queue.size() >= kQueuedMax) return;
    Session* actor = meeting.waiting.front();
    meeting.waiting.pop_front();
    actor->on_room();
  }
}

void Hub::leave(Session& session, std::string_view model) {
  auto found = meetings_.find(model);
  if (found == meetings_.end()) return;
  Meeting& meeting = found->second;
  std::erase(meeting.waiting, &session);
  if (meeting.learner == &session) {
    meeting.learner = nullptr;
    meeting.weights = {};
    meeting.queue.clear();
  }
  if (meeting.learner == nullptr && meeting.waiting.empty()) meetings_.erase(found);
}

}  // namespace belay
