// Runs one worker process after another and gathers what they print.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace belay::bench {

using Values = std::vector<double>;

struct Samples : std::map<std::string, Values> {
  void add(const Samples& other);
  Values get(const std::string& key) const;
};

enum class Preload { kNo, kYes };

struct Worker {
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
  Preload preload = Preload::kNo;  // libbelay, told to act in this process
  int seconds_max = 150;           // then it is killed
};

// Runs it to its end, or until its time is over. Ends this process with a sentence if it fails.
// "exec_ms": the moment before the worker was executed (CLOCK_MONOTONIC).
Samples run(const Worker& worker);

double quantile(Values values, double q);  // 0 if there are none

}  // namespace belay::bench
