#include "cli/goal.h"

#include <stdlib.h>

#include <algorithm>
#include <cmath>

#include "cli/exit_code.h"

namespace belay::cli {

Goal::Goal(const std::vector<std::string>& conditions) {
  for (const std::string& text : conditions) {
    size_t equals = std::min(text.find('='), text.size());
    const std::string name = text.substr(0, equals);
    Condition::Kind kind = name == "score"      ? Condition::kScore
                           : name == "episodes" ? Condition::kEpisodes
                                                : Condition::kMinutes;
    bool known = kind != Condition::kMinutes || name == "minutes";
    const char* number = equals < text.size() ? text.c_str() + equals + 1 : "";
    char* end = nullptr;
    double value = strtod(number, &end);
    bool good = end != number && *end == '\0' && std::isfinite(value) &&
                (kind == Condition::kScore || value > 0);
    if (!known || !good)
      throw Failure(kExitUsage, fmt::format("--until {}: score=X, episodes=N or minutes=M", text));
    conditions_.push_back({kind, value, text});
  }
}

double Goal::done(const Condition& condition, const TrainingState& state) {
  switch (condition.kind) {
    case Condition::kEpisodes:
      return double(state.episodes) / condition.value;
    case Condition::kMinutes:
      return state.seconds / 60 / condition.value;
    case Condition::kScore:
      break;
  }
  if (!state.score) return 0;
  if (*state.score >= condition.value) return 1;
  double way = condition.value - state.first_score;
  return way <= 0 ? 0 : std::clamp((*state.score - state.first_score) / way, 0.0, 0.999);
}

std::string Goal::reached(const TrainingState& state) const {
  for (const Condition& condition : conditions_)
    if (done(condition, state) >= 1) return condition.text;
  return "";
}

double Goal::share(const TrainingState& state) const {
  double share = 0;
  for (const Condition& condition : conditions_) share = std::max(share, done(condition, state));
  return std::min(share, 1.0);
}

}  // namespace belay::cli
