// When training is done: score=X, episodes=N, decisions=N or minutes=M; whichever is reached first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace belay::cli {

// How far training has come, all runs together.
struct TrainingState {
  uint64_t episodes = 0, decisions = 0;
  double seconds = 0;
  std::optional<double> score;  // the mean of the last episodes, once there are enough of them
  double first_score = 0;       // what it was when there first were
};

class Goal {
 public:
  // Fails (usage) for what is none of the above.
  explicit Goal(const std::vector<std::string>& conditions);

  // The condition that holds, or an empty string.
  std::string reached(const TrainingState& state) const;
  // How much of the way is done, 0 to 1: of the condition that is nearest to its end.
  double share(const TrainingState& state) const;

 private:
  struct Condition {
    enum Kind { kScore, kEpisodes, kDecisions, kMinutes } kind;
    double value;
    std::string text;
  };
  static double done(const Condition& condition, const TrainingState& state);
  std::vector<Condition> conditions_;
};

}  // namespace belay::cli
