#include "savepoint/page_store.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/syscall.h"

namespace belay {

constexpr size_t kWarmMax = 4096;  // dropped copies that keep their memory: 16 MiB

bool PageStore::open(ExemptZone& zone, size_t pages_max) {
  pages_ = zone.take(pages_max * kPageBytes);
  owners_ = zone.take<uint32_t>(pages_max);
  dropped_ = zone.take<Id>(pages_max);
  if (pages_.empty() || owners_.empty() || dropped_.empty()) return false;
  // 128 MiB in 4 KiB pages take 23 ms of faults the first time; in huge ones, 6.
  sys::call(SYS_madvise, pages_.data(), pages_.size(), MADV_HUGEPAGE);
  return true;
}

PageStore::Id PageStore::make() {
  Id page = kNone;
  if (free_ > 0) {
    page = dropped_[--free_];
    cold_ = std::min(cold_, free_);
  } else if (made_ < owners_.size()) {
    page = Id(made_++);
  }
  if (page == kNone) return kNone;
  owners_[page] = 1;
  in_use_++;
  return page;
}

void PageStore::drop(Id page) {
  if (--owners_[page] != 0) return;
  dropped_[free_++] = page;
  in_use_--;
}

void PageStore::trim() {
  if (free_ - cold_ <= std::max(kWarmMax, in_use_)) return;
  auto warm = dropped_.subspan(cold_, free_ - cold_);
  std::sort(warm.begin(), warm.end());
  for (size_t i = 0, n = 1; i < warm.size(); i += n) {
    for (n = 1; i + n < warm.size() && warm[i + n] == warm[i] + n;) n++;
    sys::call(SYS_madvise, at(warm[i]), n * kPageBytes, MADV_DONTNEED);
  }
  cold_ = free_;
}

}  // namespace belay
