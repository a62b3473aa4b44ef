// What each way of choosing a setting reaches, picture by picture.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "trial.h"

struct TableOptions {
  size_t tuned = 10;                         // pictures that the tuner is given
  std::vector<double> tuner_seconds{5, 10};  // for each of them
};

// {"pictures": [{"name", "blank", "fixed", ...}], "means": {...}, "share_of_gap", ...}; every
// figure of a picture is the likeness to its right edges. docs/autonomize_examples.md explains.
nlohmann::json score_all(const std::vector<Trial>& trials, const TableOptions& options);
void print_table(const nlohmann::json& result);

// A line on a terminal that says how far it is.
class Progress {
 public:
  Progress(const char* what, size_t steps) : what_(what), steps_(steps) {}
  ~Progress() {
    if (shown_) fprintf(stderr, "\r\033[K");
  }
  void step() {
    size_t done = ++done_;
    if (shown_) fprintf(stderr, "\r%s: %zu of %zu", what_, done, steps_);
  }

 private:
  const char* what_;
  size_t steps_;
  std::atomic<size_t> done_ = 0;
  bool shown_ = isatty(STDERR_FILENO) == 1;
};
