// A game whose frames cost something, as those of emulators and simulators do: what actors_bench
// has several processes play. A corridor whose far end pays.
//
// usage: actors_player MICROSECONDS             of processor time for a decision
#include <belay/autonomize.h>
#include <stdlib.h>

#include <algorithm>
#include <ctime>

namespace {

constexpr int kLength = 12, kStepsMax = 60;

double cpu_us() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) * 1e6 + double(time.tv_nsec) / 1e3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const double cost_us = atof(argv[1]);
  int place = 0, steps = 0, key = 0;
  float reward = 0;
  au_config("corridor", AU_DNN, AU_QLEARN, 64, 64);
  au_choice("corridor", "key", 2, 0);
  for (;;) {
    bool over = place == kLength || steps == kStepsMax;
    au_extract("place", 1, &place);
    au_NN("corridor", au_serialize("seen", "place"), "key", reward, over);
    au_write_back("key", 1, &key);
    if (over) place = steps = 0;
    if (over) continue;
    for (double end = cpu_us() + cost_us; cpu_us() < end;) {
    }
    steps++;
    place = std::max(0, place + (key == 1 ? 1 : -1));
    reward = place == kLength ? 10 : -0.1f;
  }
}
