// A job shop scheduled by simulated annealing, a million exchanges, of which Belay undoes those
// that are refused. job_shop_by_hand.cc is the same with undo code.
#include <belay/region.hpp>

#include "annealing.h"

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

int main(int argc, char** argv) { return anneal_main<Shop>(argc, argv); }
