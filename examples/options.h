// The options that all examples share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

struct CommonOptions {
  int threads = 2;
  uint64_t seed = 1;
  int rounds = 20;
  int report = 0;  // rounds between two progress lines

  void add_to(CLI::App& app, const char* what_a_round_is) {
    app.add_option("--threads", threads, "worker threads")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    app.add_option("--seed", seed, "of all random numbers")->capture_default_str();
    app.add_option("--rounds", rounds, what_a_round_is)
        ->check(CLI::Range(1, 1000000000))
        ->capture_default_str();
    app.add_option("--report", report, "rounds from one progress line to the next; 0: ten lines");
  }

  bool reports(int round) const {
    int every = report > 0 ? report : (rounds + 9) / 10;
    return round % every == 0 || round == rounds;
  }
};
