#include "cli/ranges.h"

#include <algorithm>
#include <iterator>

namespace belay::cli {

void Ranges::add(uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  auto next = ranges_.upper_bound(begin);
  if (next != ranges_.begin() && std::prev(next)->second >= begin) --next;
  while (next != ranges_.end() && next->first <= end) {
    begin = std::min(begin, next->first);
    end = std::max(end, next->second);
    next = ranges_.erase(next);
  }
  ranges_.emplace_hint(next, begin, end);
}

void Ranges::for_each_gap(uint64_t begin, uint64_t end,
                          const std::function<void(uint64_t, uint64_t)>& visit) const {
  auto range = ranges_.upper_bound(begin);
  if (range != ranges_.begin()) begin = std::max(begin, std::prev(range)->second);
  for (; begin < end; ++range) {
    const uint64_t gap_end = range != ranges_.end() ? std::min(end, range->first) : end;
    if (begin < gap_end) visit(begin, gap_end);
    if (range == ranges_.end()) return;
    begin = range->second;
  }
}

}  // namespace belay::cli
