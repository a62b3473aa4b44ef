// Goal: a thread that a region would start is refused, and which call it was is said.
// Build: -pthread
// Error: a region runs a new thread .std::thread, std::async\), which no rollback ends
// Error: from
// Error: BELAY_CKPT_UNKNOWN=allow
#include <belay/region.hpp>
#include <future>

int main() {
  start_ckpt();
  std::future<int> result = std::async(std::launch::async, [] { return 1; });
  const int got = result.get();
  stop_ckpt(0);
  return got - 1;
}
