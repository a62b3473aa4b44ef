// A set of byte ranges: which parts of a file have been read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

namespace belay::cli {

class Ranges {
 public:
  void add(uint64_t begin, uint64_t end);

  // Calls visit(begin, end) for each maximal part of [begin, end) that is not in the set.
  void for_each_gap(uint64_t begin, uint64_t end,
                    const std::function<void(uint64_t, uint64_t)>& visit) const;

 private:
  std::map<uint64_t, uint64_t> ranges_;  // begin to end: disjoint, none touching the next
};

}  // namespace belay::cli
