// Goal: belay/region.h is for programs in C++98 too.
// Build: -std=c++98
#include <belay/region.h>

#include <map>
#include <string>

#include "check.h"

int main() {
  std::map<std::string, int> counts;
  counts["before"] = 1;
  start_ckpt();
  {
    std::string word("a word that is too long to lie in the string itself");
    counts[word] = counts["before"]++;
  }
  stop_ckpt(1);
  CHECK(counts.size() == 1 && counts["before"] == 1);
  return 0;
}
