// Simulated annealing of a job shop. The schedule's try_exchange(pair, limit) makes an exchange,
// keeps it if the whole ends by `limit`, and undoes it otherwise.
#pragma once

#include <cmath>
#include <string>

#include "job_shop.h"
#include "region_options.h"

struct Annealed {
  int makespan;
  std::vector<int> starts;
};

template <class Shop>
Annealed anneal(Shop& shop, uint64_t moves, uint64_t seed) {
  constexpr double kHot = 25, kCold = 0.8;
  Random random(seed);
  int makespan = shop.makespan();
  Annealed best = {makespan, shop.starts()};
  double cooling = std::pow(kCold / kHot, 1 / double(moves)), temperature = kHot;
  for (uint64_t move = 0; move < moves; move++, temperature *= cooling) {
    auto pair = shop.critical_pair(random);
    if (pair.first < 0) break;
    // Metropolis's rule, with the dice thrown before.
    double limit = makespan - temperature * std::log(1 - random.unit());
    if (!shop.try_exchange(pair, limit)) continue;
    makespan = shop.makespan();
    if (makespan < best.makespan) best = {makespan, shop.starts()};
  }
  return best;
}

template <class Shop>
int anneal_main(int argc, char** argv) {
  Arguments arguments(argc, argv,
                      "usage: job_shop [--instance ft06|ft10|JOBSxMACHINES] [--moves COUNT] "
                      "[--seed NUMBER]\n");
  std::string name = arguments.text("--instance", "ft10");
  uint64_t moves = arguments.number("--moves", 1000000, 1, UINT64_MAX);
  uint64_t seed = arguments.number("--seed", 1, 0, UINT64_MAX);
  arguments.check();
  Instance instance = make_instance(name, seed);
  if (instance.steps.empty()) {
    std::fprintf(stderr, "job_shop: no instance '%s'\n", name.c_str());
    return 64;
  }
  Shop shop(instance);
  Stopwatch stopwatch;
  Annealed best = anneal(shop, moves, seed);
  stopwatch.print();
  print_regions();
  std::printf("%s: ends at %d", name.c_str(), best.makespan);
  std::printf(instance.optimum ? ", optimum %d\n" : "\n", instance.optimum);
  Checksum().add(best.starts.data(), best.starts.size()).print();
  return 0;
}
