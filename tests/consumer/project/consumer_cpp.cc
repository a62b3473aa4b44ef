// Goal: the same from C++, with the documented names left to the program.
#define BELAY_NO_SHORT_NAMES
#include <belay/checkpoint_restore.h>

#include <belay/belay.hpp>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

namespace {
// The program's own: no clash with Belay's.
int checkpoint(int value) { return value + 1; }
}  // namespace

int main() {
  if (belay_crinit(nullptr) != 0 || belay_restore() < 0) {
    std::cerr << belay_crerror() << '\n';
    return 1;
  }
  std::vector<std::string> words{"came", "back", "with"};
  int result = belay_checkpoint();
  if (result == 0) std::raise(SIGKILL);
  if (result < 0) {
    std::cerr << belay_crerror() << '\n';
    return 1;
  }
  for (const std::string& word : words) std::cout << word << ' ';
  std::cout << checkpoint(41) << std::endl;
}
