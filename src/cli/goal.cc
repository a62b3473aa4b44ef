#include "cli/goal.h"

#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "cli/exit_code.h"

namespace belay::cli {
namespace {

constexpr std::string_view kNames[] = {"score", "episodes", "decisions", "minutes"};  // as Kind

}  // namespace

Goal::Goal(const std::vector<std::string>& conditions) {
  for (const std::string& text : conditions) {
    size_t equals = std::min(text.find('='), text.size());
    const std::string name = text.substr(0, equals);
    auto kind = std::find(std::begin(kNames), std::end(kNames), name) - std::begin(kNames);
    const char* number = equals < text.size() ? text.c_str() + equals + 1 : "";
    char* end = nullptr;
    double value = strtod(number, &end);
    bool good = kind < std::ssize(kNames) && end != number && *end == '\0' &&
                std::isfinite(value) && (name == "score" || value > 0);
    if (!good)
      throw Failure(kExitUsage,
                    fmt::format("--until {}: score=X, episodes=N, decisions=N or minutes=M", text));
    conditions_.push_back({Condition::Kind(kind), value, text});
  }
}

double Goal::done(const Condition& condition, const TrainingState& state) {
  switch (condition.kind) {
    case Condition::kEpisodes:
      return double(state.episodes) / condition.value;
    case Condition::kDecisions:
      return double(state.decisions) / condition.value;
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
