// GCC's transactional memory, with the method that ITM_DEFAULT_METHOD names (gl_wt, ml_wt).
#include "region_moves.h"
#include "region_worker.h"

// Not static: GCC would propagate a constant flag and leave out the way that needs a log.
bool itm_cancel;

namespace {

[[gnu::noinline]] void once(uint64_t* words, const uint32_t* at, size_t entries) {
  __transaction_atomic {
    scatter(words, at, entries);
    if (itm_cancel) __transaction_cancel;
  }
}
[[gnu::noinline]] void once_records(uint64_t* words, const uint32_t* at, size_t entries) {
  __transaction_atomic {
    records(words, at, entries);
    if (itm_cancel) __transaction_cancel;
  }
}

class Shop : public Schedule<> {
 public:
  using Schedule::Schedule;
  [[gnu::noinline]] bool try_exchange(Pair pair, double limit) {
    __transaction_atomic {
      exchange(pair);
      if (makespan() > limit) __transaction_cancel;
      good_ = true;
    }
    bool good = good_;
    good_ = false;
    return good;
  }

 private:
  bool good_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  Measurement m = parse(argc, argv);
  itm_cancel = m.undo;
  setenv("ITM_DEFAULT_METHOD", m.method, 1);  // libitm reads it at the first transaction
  if (m.on("moves")) return sample_moves<Shop>(m, [](auto&) {}), 0;
  if (m.on("records"))
    sample(m, [&] { once_records(m.words, m.at, m.entries); });
  else
    sample(m, [&] { once(m.words, m.at, m.entries); });
}
