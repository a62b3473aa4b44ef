#include "search.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <nlopt.hpp>
#include <random>

namespace {

using Point = std::vector<double>;  // logarithms of sigma, high, low / high

Point logarithms(double Range::*end) {
  return {std::log(kRanges[0].*end), std::log(kRanges[1].*end), std::log(kRanges[2].*end)};
}
const Point kLeast = logarithms(&Range::least), kMost = logarithms(&Range::most);

Setting setting_at(const Point& point) {
  auto high = float(std::exp(point[1]));
  return {float(std::exp(point[0])), high * float(std::exp(point[2])), high};
}

Point point_of(const Setting& setting) {
  Point point = {std::log(setting.sigma), std::log(setting.high),
                 std::log(setting.low / setting.high)};
  for (size_t i = 0; i < point.size(); i++) point[i] = std::clamp(point[i], kLeast[i], kMost[i]);
  return point;
}

// Seconds of the processor, so that a busy machine gives nobody fewer trials.
double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + double(time.tv_nsec) / 1e9;
}

// Scores, and what the best of them was.
struct Trials {
  const Score& score;
  Found best;

  double operator()(const Setting& setting) {
    double value = score(setting);
    best.trials++;
    if (value > best.score) best.score = value, best.setting = setting;
    return value;
  }
};

// Runs until `stop` says so, or until the algorithm has nothing more to try.
void run(nlopt::algorithm algorithm, Point start, Trials& trials, const std::function<bool()>& stop,
         double step) {
  nlopt::opt search(algorithm, 3);
  search.set_lower_bounds(kLeast);
  search.set_upper_bounds(kMost);
  if (step > 0) search.set_initial_step(step);
  search.set_xtol_rel(1e-3);
  std::function<double(const Point&)> objective = [&](const Point& point) {
    double value = trials(setting_at(point));
    if (stop()) search.force_stop();
    return value;
  };
  search.set_max_objective(
      [](const Point& point, Point&, void* data) {
        return (*static_cast<std::function<double(const Point&)>*>(data))(point);
      },
      &objective);
  double value = 0;
  try {
    search.optimize(start, value);
  } catch (const nlopt::forced_stop&) {
    // as asked
  } catch (const nlopt::roundoff_limited&) {
    // it is where it can get no further
  }
}

Point random_point(std::mt19937_64& random) {
  Point point(3);
  for (size_t i = 0; i < 3; i++)
    point[i] = std::uniform_real_distribution<>(kLeast[i], kMost[i])(random);
  return point;
}

}  // namespace

Found best_of(const std::vector<Setting>& grid, const std::vector<float>& scores,
              const Score& score, int steps) {
  auto top = size_t(std::max_element(scores.begin(), scores.end()) - scores.begin());
  Trials trials{score, {grid[top], scores[top], unsigned(grid.size())}};
  unsigned end = trials.best.trials + unsigned(steps);
  run(
      nlopt::LN_NELDERMEAD, point_of(grid[top]), trials, [&] { return trials.best.trials >= end; },
      0.15);
  return trials.best;
}

Found search_at_random(const Score& score, double seconds, uint64_t seed) {
  std::mt19937_64 random(seed);
  Trials trials{score, {}};
  for (double end = now() + seconds; now() < end;) trials(setting_at(random_point(random)));
  return trials.best;
}

std::vector<Found> tune(const Score& score, const std::vector<double>& seconds, uint64_t seed) {
  std::mt19937_64 random(seed);
  nlopt::srand(seed);
  Trials trials{score, {}};
  std::vector<Found> found;
  double start = now();
  while (found.size() < seconds.size())  // anew, where it has come to an end
    run(
        nlopt::GN_CRS2_LM, random_point(random), trials,
        [&] {
          while (found.size() < seconds.size() && now() - start >= seconds[found.size()])
            found.push_back(trials.best);
          return found.size() == seconds.size();
        },
        0);
  return found;
}
