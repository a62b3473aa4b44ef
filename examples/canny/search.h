// Looks for the setting with the highest score, where the score of each can be had.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "detector.h"

using Score = std::function<double(const Setting&)>;

struct Found {
  Setting setting;
  double score = -1;
  unsigned trials = 0;
};

// The best of the grid, and from there the best of `steps` of Nelder and Mead's simplex.
Found best_of(const std::vector<Setting>& grid, const std::vector<float>& scores,
              const Score& score, int steps);

// Random settings, of the same ranges as the grid. Times are the processor's.
Found search_at_random(const Score& score, double seconds, uint64_t seed);

// Controlled random search (Price 1983, Kaelo and Ali 2006), of NLopt: what it has found after each
// of the times, which ascend.
std::vector<Found> tune(const Score& score, const std::vector<double>& seconds, uint64_t seed);
