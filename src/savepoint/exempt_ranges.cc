#include "savepoint/exempt_ranges.h"

#include <errno.h>

#include <algorithm>
#include <cstring>

#include "base/page.h"

namespace belay {

constexpr size_t kRangesMax = 1 << 16;

bool ExemptRanges::open(ExemptZone& zone) {
  ranges_ = zone.take<Range>(kRangesMax);
  return !ranges_.empty();
}

Status ExemptRanges::add(uint64_t start, uint64_t end) {
  if (start >= end) return {};
  if (count_ == ranges_.size()) return fail(ENOMEM, "more than {} exempt ranges", count_);
  size_t at = count_++;
  for (; at > 0 && ranges_[at - 1].start > start; at--) ranges_[at] = ranges_[at - 1];
  ranges_[at] = {start, end};
  longest_ = std::max(longest_, end - start);
  return {};
}

bool ExemptRanges::remove(uint64_t start) {
  for (size_t i = 0; i < count_; i++) {
    if (ranges_[i].start != start) continue;
    std::copy(ranges_.begin() + long(i) + 1, ranges_.begin() + long(count_),
              ranges_.begin() + long(i));
    count_--;
    return true;
  }
  return false;
}

// Calls part(from, to) for each stretch of the page that is not exempt, as offsets in it.
template <class Stretch>
void ExemptRanges::each_part(uint64_t page, Stretch part) const {
  uint64_t end = page + kPageBytes, at = page;
  auto used = ranges_.first(count_);
  // None that begins before this reaches the page.
  uint64_t least = page > longest_ ? page - longest_ : 0;
  auto range = std::partition_point(used.begin(), used.end(),
                                    [&](const Range& r) { return r.start < least; });
  for (; range != used.end() && range->start < end && at < end; ++range) {
    if (range->end <= at) continue;
    if (range->start > at) part(at - page, range->start - page);
    at = range->end;
  }
  if (at < end) part(at - page, kPageBytes);
}

ExemptRanges::Part ExemptRanges::of_page(uint64_t address) const {
  uint64_t left = 0;
  each_part(address, [&](uint64_t from, uint64_t to) { left += to - from; });
  return left == kPageBytes ? Part::kNone : left == 0 ? Part::kAll : Part::kSome;
}

void ExemptRanges::copy_page(std::byte* to, const std::byte* from) const {
  each_part(reinterpret_cast<uint64_t>(to),
            [&](uint64_t a, uint64_t b) { memcpy(to + a, from + a, b - a); });
}

bool ExemptRanges::page_differs(const std::byte* page, const std::byte* copy) const {
  bool differs = false;
  each_part(reinterpret_cast<uint64_t>(page), [&](uint64_t a, uint64_t b) {
    differs = differs || memcmp(page + a, copy + a, b - a) != 0;
  });
  return differs;
}

}  // namespace belay
