// job_shop.cc without Belay: a trail of old values, which every write has to tell.
#include "annealing.h"

class Trail {
 public:
  void before(int& variable) { trail_.push_back({&variable, variable}); }
  void keep() { trail_.clear(); }
  void undo() {
    for (; !trail_.empty(); trail_.pop_back()) *trail_.back().variable = trail_.back().value;
  }

 private:
  struct Old {
    int* variable;
    int value;
  };
  std::vector<Old> trail_;
};

class Shop : public Schedule<Trail> {
 public:
  using Schedule::Schedule;

  bool try_exchange(Pair pair, double limit) {
    exchange(pair);
    bool good = makespan() <= limit;
    good ? keep() : undo();
    return good;
  }
};

int main(int argc, char** argv) { return anneal_main<Shop>(argc, argv); }
