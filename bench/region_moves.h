// The whole workloads, which are those of examples/: moves of the annealer and queens placed.
#pragma once

#include "../examples/annealing.h"
#include "region_worker.h"

// Nanoseconds a move of ft10, of `entries` moves. keep: at a temperature at which all are; undo: as
// annealing goes.
template <class Shop, class Prepare>
void sample_moves(const Measurement& m, Prepare prepare,
                  clockid_t clock = CLOCK_THREAD_CPUTIME_ID) {
  Instance instance = make_instance("ft10", 1);
  for (int s = -1; s < m.samples; s++) {
    Shop shop(instance);
    prepare(shop);
    Random random(7);
    double start = clock_ns(clock), temperature = 8;
    int makespan = shop.makespan();
    for (size_t move = 0; move < m.entries; move++) {
      auto pair = shop.critical_pair(random);
      if (pair.first < 0) return;
      double dice = random.unit();
      double limit = m.undo ? makespan - temperature * std::log(1 - dice) : 1e9;
      if (shop.try_exchange(pair, limit)) makespan = shop.makespan();
    }
    if (s >= 0) printf("%.4f\n", (clock_ns(clock) - start) / double(m.entries));
    if (s < 0) fprintf(stderr, "%s moves: ends at %d\n", m.method, makespan);
  }
}

// Nanoseconds a placement of all solutions on a board of `entries` rows.
template <class Queens>
void sample_queens(const Measurement& m) {
  for (int s = -1; s < m.samples; s++) {
    Queens board(int(m.entries));
    double start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    uint64_t tried = board.search();
    double ns = (clock_ns(CLOCK_THREAD_CPUTIME_ID) - start) / double(tried);
    if (s >= 0) printf("%.4f\n", ns);
    if (s < 0) fprintf(stderr, "%s queens: %llu placements\n", m.method, (unsigned long long)tried);
  }
}
