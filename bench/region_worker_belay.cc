// Regions, with the plugin: methods belay (start_ckpt_once) and rewindable (start_ckpt).
#include <belay/region.hpp>

#include "../examples/annealing.h"
#include "../examples/queens.h"
#include "region_moves.h"
#include "region_worker.h"

namespace {

class Shop : public Schedule<> {
 public:
  using Schedule::Schedule;
  bool try_exchange(Pair pair, double limit) {
    return belay::attempt([&] {
      exchange(pair);
      return makespan() <= limit;
    });
  }
};

class Queens : public Board {
 public:
  using Board::Board;
  // Returns the placements tried.
  uint64_t search() {
    int row = next_row();
    uint64_t tried = 0;
    for (int column = 0; row < size() && column < size(); column++) {
      if (!is_free(row, column)) continue;
      belay_start_ckpt_once();
      bool possible = place(row, column);
      uint64_t below = possible ? search() : 0;
      count(tried, below + 1);
      belay_stop_ckpt(1);
      tried = kept_;
    }
    return tried;
  }

 private:
  BELAY_KEEP void count(uint64_t tried, uint64_t more) { kept_ = tried + more; }
  uint64_t kept_ = 0;
};

[[gnu::noinline]] void once(uint64_t* words, const uint32_t* at, size_t entries, bool undo) {
  belay_start_ckpt_once();
  scatter(words, at, entries);
  belay_stop_ckpt(undo);
}
[[gnu::noinline]] void once_records(uint64_t* words, const uint32_t* at, size_t n, bool undo) {
  belay_start_ckpt_once();
  records(words, at, n);
  belay_stop_ckpt(undo);
}
[[gnu::noinline]] void rewindable(uint64_t* words, const uint32_t* at, size_t n, bool undo) {
  belay_start_ckpt();
  scatter(words, at, n);
  belay_stop_ckpt(undo);
}

// Markers are in one function, so the clock is read in there; outside of the region.
[[gnu::noinline]] void stops(const Measurement& m) {
  for (int s = -3; s < m.samples; s++) {
    belay_start_ckpt_once();
    scatter(m.words, m.at, m.entries);
    double before = clock_ns(CLOCK_MONOTONIC), again = clock_ns(CLOCK_MONOTONIC);
    belay_stop_ckpt(0);
    double ns = clock_ns(CLOCK_MONOTONIC) - again - (again - before);
    if (s >= 0) printf("%.4f\n", ns > 0 ? ns : 0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Measurement m = parse(argc, argv);
  if (m.stop) return stops(m), 0;
  if (m.on("moves")) return sample_moves<Shop>(m, [](auto&) {}), 0;
  if (m.on("queens")) return sample_queens<Queens>(m), 0;
  if (m.on("records"))
    sample(m, [&] { once_records(m.words, m.at, m.entries, m.undo); });
  else if (m.is("rewindable"))
    sample(m, [&] { rewindable(m.words, m.at, m.entries, m.undo); });
  else
    sample(m, [&] { once(m.words, m.at, m.entries, m.undo); });
}
