#include "savepoint/changes.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/syscall.h"

namespace belay {
namespace {

constexpr size_t kRunsMax = 1 << 20;
// Of a file mapped privately and writable: saved whole, so that a page that the program has not
// written before can go back by copying. Larger ones go back to the file's contents.
constexpr uint64_t kSmallFileBytes = 1 << 20;
// To compare a page with its copy, while all of them fit into a core's cache, and when they don't.
constexpr uint64_t kCompareNs = 75, kCompareFarNs = 150, kCachedPages = 128;
// To protect and scan a page again, and an area of whatever size, which takes two system calls; for
// the first write to a protected page.
constexpr uint64_t kScanNs = 3, kAreaNs = 2000, kFaultNs = 1500;

}  // namespace

bool Changes::open(ExemptZone& zone, size_t slots_max, bool compare, PageSlots& slots,
                   const ExemptRanges& exempt) {
  slots_ = &slots;
  exempt_ = &exempt;
  runs_ = zone.take<PageRun>(kRunsMax);
  hot_ = zone.take<PageSlots::Slot>(slots_max);
  if (runs_.empty() || hot_.empty() || !stillness_.open(zone)) return false;
  tracker_.open(compare);
  return true;
}

void Changes::close() {
  tracker_.close();
  stillness_.close();
}

bool Changes::add_hot(PageSlots::Slot slot) {
  if (slot == PageSlots::kNone || hot_count_ == hot_.size()) return false;
  if ((slots_->flags(slot) & PageSlots::kHot) != 0) return true;
  slots_->flags(slot) |= PageSlots::kHot;
  hot_[hot_count_++] = slot;
  return true;
}

// All pages of a run, but for those that are exempt.
Status Changes::add_run(const PageRun& run) {
  for (uint64_t at = run.start; at < run.end(); at += kPageBytes) {
    PageSlots::Slot slot = slots_->find(at);
    if (slot == PageSlots::kNone && exempt_->of_page(at) == ExemptRanges::Part::kAll) continue;
    if (!add_hot(slots_->find_or_add(at)))
      return fail(ENOMEM, "more pages than savepoints have room for; raise ulimit -v");
  }
  return {};
}

// Those of a range that the base has a copy of. Returns how many it has none of, and aren't hot.
uint64_t Changes::add_known(AddressRange range, const PageMaps& maps, const PageMaps::Map& base) {
  uint64_t unknown = (range.end - range.start) / kPageBytes;
  slots_->each_in(range.start, range.end, [&](PageSlots::Slot slot) {
    bool hot = (slots_->flags(slot) & PageSlots::kHot) != 0;
    if (!hot && maps.get(base, slot) == PageStore::kNone) return;
    unknown--;
    if (!hot) add_hot(slot);
  });
  return unknown;
}

Status Changes::add_own(AddressRange range, size_t* found) {
  size_t used = 0;
  BELAY_TRY(tracker_.own_pages(range.start, range.end, runs_, &used));
  for (const PageRun& run : runs_.first(used)) {
    *found += run.page_count;
    BELAY_TRY(add_run(run));
  }
  return {};
}

Status Changes::watch(AddressRange range) {
  return watching() ? tracker_.watch(range.start, range.end) : Status{};
}

// Memory that was not there before, or not as this: all that it holds is new.
Status Changes::take_in(Area& area, AddressRange range) {
  bool writable = (area.protection & PROT_WRITE) != 0;
  size_t found = 0;
  if (!area.anonymous() && writable && area.size() <= kSmallFileBytes) {
    BELAY_TRY(add_run({range.start, (range.end - range.start) / kPageBytes, true}));
  } else {
    BELAY_TRY(add_own(range, &found));
  }
  // A library's code and constants: only if something has been written there once.
  area.watched = area.watched || writable || area.anonymous() || found > 0;
  return area.watched ? watch(range) : Status{};
}

Status Changes::scan(AddressRange range, const PageMaps& maps, const PageMaps::Map& base) {
  size_t found = 0;
  if (!watching()) {
    add_known(range, maps, base);
    return add_own(range, &found);
  }
  size_t used = 0;
  Status status = tracker_.written(range.start, range.end, runs_, &used);
  if (!status && status.error().code == EPERM) {
    // Unmapped and mapped again in the same place, or moved here: nothing is known about it.
    BELAY_TRY(watch(range));
    add_known(range, maps, base);
    return add_own(range, &found);
  }
  BELAY_TRY(status);
  // Pages that no savepoint has may be written, or never have been there.
  auto left = runs_.subspan(used);
  for (const PageRun& run : runs_.first(used)) {
    if (add_known({run.start, run.end()}, maps, base) == 0) continue;
    size_t own = 0;
    BELAY_TRY(tracker_.own_pages(run.start, run.end(), left, &own));
    for (const PageRun& part : left.first(own)) BELAY_TRY(add_run(part));
    // Holes between pages: marked, they are not reported again. They were not before if this fails.
    if (own == 0) (void)tracker_.arm(run.start, run.end());
  }
  return {};
}

Status Changes::find_in(const Layout& now, const PageMaps& maps, const PageMaps::Map& base) {
  AddressRange range;  // neighbours are walked in one call
  for (const Area& area : now.areas()) {
    if (!area.watched || area.shared) continue;
    if (area.start != range.end && range.end != 0) BELAY_TRY(scan(range, maps, base));
    if (area.start != range.end) range.start = area.start;
    range.end = area.end;
  }
  return range.end == 0 ? Status{} : scan(range, maps, base);
}

Status Changes::find(Layout& now, const Layout* before, const PageMaps& maps,
                     const PageMaps::Map& base) {
  std::span<const Area> old;
  if (before != nullptr) old = before->areas();
  Status status;
  sweep(now.areas(), old, [&](uint64_t start, uint64_t end, const Area* is, const Area* was) {
    if (!status || is == nullptr || is->shared) return;
    Area& area = const_cast<Area&>(*is);
    bool known = was != nullptr && was->same_memory(area) && was->watched;
    area.watched = area.watched || known;
    if (!known) status = take_in(area, {start, end});
  });
  if (before == nullptr) return status;
  sweep(now.areas(), old, [&](uint64_t start, uint64_t end, const Area* is, const Area* was) {
    if (!status || is == nullptr || was == nullptr || !is->watched || !was->watched) return;
    if (was->same_memory(*is)) status = scan({start, end}, maps, base);
  });
  return status;
}

// What can't be protected again will be reported by the next scan; false: one has to be made.
bool Changes::rearm(const Layout& now) {
  filter_hot([](PageSlots::Slot) { return false; });
  wasted_ns_ = 0;
  bool all = true;
  for (const Area& area : now.areas()) {
    if (!area.watched || area.shared) continue;
    if (Status armed = tracker_.arm(area.start, area.end); !armed) all = false;
  }
  return all;
}

void Changes::settle(const Layout& now, size_t hot_before, size_t hits, bool anew,
                     Stillness::Verdict since) {
  if (!watching()) {
    filter_hot([](PageSlots::Slot) { return false; });
    return;
  }
  bool all_watched = true;
  wasted_ns_ += (hot_before - hits) * (hot_before > kCachedPages ? kCompareFarNs : kCompareNs);
  uint64_t anew_ns = slots_->count() * kScanNs + now.area_count * kAreaNs + hits * kFaultNs;
  if (anew || wasted_ns_ > anew_ns) all_watched = rearm(now);
  if (all_watched)
    stillness_.begin(since);
  else
    stillness_.end();
}

}  // namespace belay
