#include "heap/runs.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/log.h"

namespace belay {
namespace {

// Idle memory below this stays: giving it back and faulting it in again costs about 50 ms a GiB.
constexpr size_t kIdleUnitsKept = (size_t{64} << 20) / kUnitBytes;

constexpr size_t kRoomyGap = 4;     // times the length of a block that grows, before it
constexpr size_t kRoomyShare = 64;  // only where a free run has that many times its length

size_t round_up(size_t n, size_t grain) { return (n + grain - 1) / grain * grain; }

}  // namespace

Status Runs::reserve(uintptr_t base, size_t bytes_max) {
  size_t wanted = std::max(round_up(bytes_max, kUnitBytes), kHeapBytesLeast);
  for (size_t bytes = wanted;; bytes = round_up(bytes / 2, kUnitBytes)) {
    size_t units = bytes / kUnitBytes;
    size_t tables =
        round_up(units * (sizeof(Span) + sizeof(uintptr_t)) + units / 8 + 8, kHugePageBytes);
    long at = sys::mmap(reinterpret_cast<void*>(base), tables + bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (sys::is_error(at)) {
      if (at == -EEXIST)
        return fail(ENOMEM, "heap: the address {:#x} is taken by something else", base);
      if (bytes / 2 >= kHeapBytesLeast) continue;
      return fail(ENOMEM, "heap: no {} bytes of address space: {}; see ulimit -v, BELAY_HEAP_MAX",
                  wanted, errno_text(int(-at)));
    }
    if (bytes < wanted)
      log(LogLevel::kNotice, "heap: the system grants {} MiB of address space, not {}", bytes >> 20,
          wanted >> 20);
    base_ = base;
    blocks_ = base + tables;
    sys::call(SYS_madvise, base + tables, bytes, MADV_HUGEPAGE);  // a wish: without it it works too
    spans_ = reinterpret_cast<Span*>(base);
    owners_ = reinterpret_cast<std::atomic<uintptr_t>*>(spans_ + units);
    dirty_ = reinterpret_cast<std::atomic<uint64_t>*>(owners_ + units);
    limit_units_ = units;
    purge_at_ = kIdleUnitsKept;
    link(0, units);
    unit_count_.store(units, std::memory_order_release);
    return {};
  }
}

// Lengths below 16 have a bin each, longer ones eight bins a doubling.
unsigned Runs::bin_of(size_t units) {
  if (units < 16) return static_cast<unsigned>(units);
  unsigned log = static_cast<unsigned>(std::bit_width(units)) - 1;
  return 16 + (log - 4) * 8 + static_cast<unsigned>(units >> (log - 3) & 7);
}

void Runs::link(size_t unit, size_t units) {
  Span* head = spans_ + unit;
  Span* tail = head + units - 1;
  head->state = tail->state = SpanState::kFree;
  head->back = 0;
  tail->back = static_cast<uint32_t>(units - 1);
  head->units = static_cast<uint32_t>(units);
  unsigned bin = bin_of(units);
  bins_[bin].push(head);
  bin_words_[bin / 64] |= uint64_t{1} << bin % 64;
}

void Runs::unlink(Span* span) {
  unsigned bin = bin_of(span->units);
  bins_[bin].remove(span);
  if (bins_[bin].head == nullptr) bin_words_[bin / 64] &= ~(uint64_t{1} << bin % 64);
}

Span* Runs::find(size_t units, Fit fit) const {
  unsigned own = bin_of(units);
  if (fit == Fit::kRoomy) {
    for (unsigned word = kBins / 64; word-- > 0;) {
      if (bin_words_[word] == 0) continue;
      unsigned bin = word * 64 + 63 - unsigned(std::countl_zero(bin_words_[word]));
      if (bin > own) return bins_[bin].head;
      break;
    }
  }
  // A run of the own bin may be a little too short; a few looks find most that are not.
  Span* span = bins_[own].head;
  for (int look = 0; span != nullptr && look < 8; ++look, span = span->next)
    if (span->units >= units) return span;
  for (unsigned bin = own + 1; bin < kBins;) {
    uint64_t word = bin_words_[bin / 64] >> bin % 64;
    if (word != 0) return bins_[bin + unsigned(std::countr_zero(word))].head;
    bin = (bin / 64 + 1) * 64;
  }
  for (; span != nullptr; span = span->next)
    if (span->units >= units) return span;
  return nullptr;
}

Span* Runs::allocate(size_t units, SpanState state, Fit fit, size_t align_units) {
  FutexGuard guard(lock_);
  if (units > limit_units_ || used_units_ > limit_units_ - units) return nullptr;
  Span* span = find(units + align_units - 1, fit);
  if (span == nullptr) return nullptr;
  unlink(span);
  size_t unit = index_of(span), first_unit = blocks_ / kUnitBytes;
  size_t skip = round_up(first_unit + unit, align_units) - first_unit - unit;
  // Leaves room behind the neighbour, which may be another block that grows. Address space only.
  if (fit == Fit::kRoomy && span->units / kRoomyShare > units) skip = units * kRoomyGap;
  if (skip != 0) {
    size_t rest = span->units - skip;
    link(unit, skip);
    span += skip;
    span->units = static_cast<uint32_t>(rest);
  }
  cut(span, units);
  unit = index_of(span);
  idle_units_ -= dirty_in(unit, unit + units);
  used_units_ += units;
  span->back = 0;
  span->state = state;
  for (size_t i = state == SpanState::kSmall ? 1 : units - 1; i < units; ++i) {
    span[i].state = state;
    span[i].back = static_cast<uint32_t>(i);
  }
  return span;
}

// Makes a run of exactly `units` of an unlinked one and frees the rest.
void Runs::cut(Span* span, size_t units) {
  size_t rest = span->units - units;
  span->units = static_cast<uint32_t>(units);
  if (rest != 0) link(index_of(span) + units, rest);
}

// Links a run, merged with its neighbours; returns where it begins now.
size_t Runs::free_run(size_t unit, size_t units) {
  if (unit > 0 && spans_[unit - 1].state == SpanState::kFree) {
    Span* before = head_of(unit - 1);
    unlink(before);
    unit -= before->units;
    units += before->units;
  }
  if (size_t end = unit + units; end < unit_count_ && spans_[end].state == SpanState::kFree) {
    unlink(spans_ + end);
    units += spans_[end].units;
  }
  link(unit, units);
  return unit;
}

void Runs::release(Span* span) {
  FutexGuard guard(lock_);
  BELAY_CHECK(span->state != SpanState::kFree && "free of memory that is free already");
  size_t unit = index_of(span), units = span->units;
  idle_units_ += dirty_in(unit, unit + units);
  used_units_ -= units;
  unit = free_run(unit, units);
  if (idle_units_ > purge_at_) purge_idle(unit);
}

bool Runs::grow(Span* span, size_t units) {
  FutexGuard guard(lock_);
  size_t end = index_of(span) + span->units, more = units - span->units;
  if (end >= unit_count_ || spans_[end].state != SpanState::kFree || spans_[end].units < more)
    return false;
  if (more > limit_units_ || used_units_ > limit_units_ - more) return false;
  unlink(spans_ + end);
  cut(spans_ + end, more);
  idle_units_ -= dirty_in(end, end + more);
  used_units_ += more;
  span->units = static_cast<uint32_t>(units);
  span[units - 1].state = span->state;
  span[units - 1].back = static_cast<uint32_t>(units - 1);
  return true;
}

void Runs::shrink(Span* span, size_t units) {
  FutexGuard guard(lock_);
  size_t unit = index_of(span) + units, rest = span->units - units;
  span->units = static_cast<uint32_t>(units);
  Span* tail = span + units - 1;
  tail->state = span->state;
  tail->back = static_cast<uint32_t>(units - 1);
  idle_units_ += dirty_in(unit, unit + rest);
  used_units_ -= rest;
  unit = free_run(unit, rest);
  if (idle_units_ > purge_at_) purge_idle(unit);
}

template <class Visit>
void Runs::for_each_word(size_t first, size_t last, Visit visit) const {
  for (size_t word = first / 64; word * 64 < last; ++word) {
    uint64_t mask = ~uint64_t{0};
    if (word == first / 64) mask &= ~uint64_t{0} << first % 64;
    if (last - word * 64 < 64) mask &= (uint64_t{1} << last % 64) - 1;
    visit(word, mask);
  }
}

size_t Runs::dirty_in(size_t first, size_t last) const {
  size_t count = 0;
  for_each_word(first, last, [&](size_t word, uint64_t mask) {
    count += size_t(std::popcount(dirty_[word].load(std::memory_order_relaxed) & mask));
  });
  return count;
}

bool Runs::claim(Span* span, size_t first, size_t last, bool make_zero) {
  size_t start = index_of(span);
  size_t added = 0, dirty = 0;
  for_each_word(start + first, start + last, [&](size_t word, uint64_t mask) {
    uint64_t old = dirty_[word].load(std::memory_order_relaxed) & mask;
    if (old != mask) {
      dirty_[word].fetch_or(mask, std::memory_order_relaxed);
      added += size_t(std::popcount(mask & ~old));
    }
    dirty += size_t(std::popcount(old));
    for (; make_zero && old != 0; old &= old - 1) {
      size_t unit = word * 64 + size_t(std::countr_zero(old));
      memset(reinterpret_cast<void*>(blocks_ + (unit << kUnitShift)), 0, kUnitBytes);
    }
  });
  if (added != 0) dirty_units_.fetch_add(added, std::memory_order_relaxed);
  return make_zero || dirty == 0;
}

// Gives back the huge pages that lie wholly in a free run; parts of one would split it.
void Runs::purge(size_t unit, size_t units) {
  size_t offset = blocks_ / kUnitBytes;  // huge pages are aligned in address space
  size_t first = round_up(offset + unit, kPurgeGrain) - offset;
  size_t last = (offset + unit + units) / kPurgeGrain * kPurgeGrain - offset;
  if (first >= last) return;
  size_t dirty = dirty_in(first, last);
  if (dirty == 0) return;
  if (sys::is_error(sys::call(SYS_madvise, blocks_.load() + (first << kUnitShift),
                              (last - first) << kUnitShift, MADV_DONTNEED)))
    return;  // locked memory (mlock(2)): it stays
  for_each_word(first, last, [&](size_t word, uint64_t mask) {
    dirty_[word].fetch_and(~mask, std::memory_order_relaxed);
  });
  dirty_units_.fetch_sub(dirty, std::memory_order_relaxed);
  idle_units_ -= dirty;
}

// Idle memory may be 64 MiB or an eighth of what is in use; what is above goes back, the run that
// was just freed first, then the longest ones. What could not go (pieces of huge pages) counts as
// a base for the next time, so that the search is not repeated at every free.
void Runs::purge_idle(size_t just_freed) {
  size_t kept = std::max(kIdleUnitsKept, used_units_ / 8);
  purge(just_freed, spans_[just_freed].units);
  for (unsigned bin = kBins; bin-- > bin_of(kPurgeGrain) && idle_units_ > kept / 2;)
    for (Span* span = bins_[bin].head; span != nullptr && idle_units_ > kept / 2; span = span->next)
      purge(index_of(span), span->units);
  purge_at_ = idle_units_ + kept;
}

}  // namespace belay
