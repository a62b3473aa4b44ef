#include "memory/page_sums.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/checksum.h"
#include "base/page.h"

namespace belay {

void PageSums::open(std::span<Entry> memory) {
  halves_[0] = memory.first(memory.size() / 2);
  halves_[1] = memory.last(memory.size() / 2);
  now_ = before_ = {};
}

void PageSums::begin(uint64_t pages) {
  before_ = now_;
  std::span<Entry> half = before_.data() == halves_[0].data() ? halves_[1] : halves_[0];
  uint64_t wanted = std::bit_ceil(2 * pages + 16);
  now_ = half.first(std::min<uint64_t>(wanted, std::bit_floor(half.size())));
  memset(now_.data(), 0, now_.size_bytes());
  noted_ = 0;
}

// Linear probing from a multiplicative hash (Knuth, TAOCP 6.4); tables are at most half full.
PageSums::Entry* PageSums::find(std::span<Entry> table, uint64_t page) {
  uint64_t mask = table.size() - 1;
  uint64_t at = (page / kPageBytes * 0x9E3779B97F4A7C15) >> 32 & mask;
  while (table[at].page != 0 && table[at].page != page) at = (at + 1) & mask;
  return &table[at];
}

bool PageSums::same_as_before(uint64_t address, const std::byte* page) {
  uint64_t sum = checksum(page, kPageBytes);
  if (noted_ < now_.size() / 2) {
    *find(now_, address) = {address, sum};
    noted_++;
  }
  if (before_.empty()) return false;
  const Entry* old = find(before_, address);
  return old->page == address && old->sum == sum;
}

}  // namespace belay
