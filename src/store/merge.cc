#include "store/merge.h"

#include <algorithm>
#include <span>

namespace belay {
namespace {

using Extents = std::vector<IndexedExtent>;

uint64_t end_of(const IndexedExtent& e) { return e.address + e.page_count * kPageBytes; }

// The part of `e` in [begin, end).
IndexedExtent cut(const IndexedExtent& e, uint64_t begin, uint64_t end) {
  uint64_t skipped = begin - e.address;
  IndexedExtent part = e;
  part.address = begin;
  part.page_count = (end - begin) / kPageBytes;
  if (!e.discard) {
    part.file_offset += skipped;
    part.checksum_index += skipped / kPageBytes;
  }
  return part;
}

// Both sorted and disjoint; so is the result. Where both say something, `newer` counts.
void overlay(std::span<const IndexedExtent> older, std::span<const IndexedExtent> newer,
             Extents* out) {
  auto old = older.begin();
  uint64_t done = 0;  // what lies below it is in `out`, or covered
  auto take_old_up_to = [&](uint64_t limit) {
    while (old != older.end() && old->address < limit) {
      uint64_t begin = std::max(old->address, done), end = std::min(end_of(*old), limit);
      if (begin < end) out->push_back(cut(*old, begin, end));
      if (end_of(*old) > limit) return;  // the rest of it may show behind the newer one
      ++old;
    }
  };
  for (const IndexedExtent& e : newer) {
    take_old_up_to(e.address);
    out->push_back(e);
    done = end_of(e);
  }
  take_old_up_to(UINT64_MAX);
}

// Where the sorted, disjoint stretch that begins at `first` ends.
size_t stretch_end(const Extents& extents, size_t first) {
  size_t i = first + 1;
  while (i < extents.size() && extents[i].address >= end_of(extents[i - 1])) ++i;
  return i;
}

bool continues(const StoredRun& run, const IndexedExtent& next) {
  return run.address.value + run.page_count * kPageBytes == next.address &&
         run.file_offset + run.page_count * kPageBytes == next.file_offset &&
         run.checksum_index + run.page_count == next.checksum_index;
}

}  // namespace

// A natural merge sort in which overlay() takes the place of the merge: neighbouring stretches are
// merged, so that the right one is always the newer.
std::vector<StoredRun> merge_extents(Extents extents) {
  while (!extents.empty() && stretch_end(extents, 0) < extents.size()) {
    Extents next;
    next.reserve(extents.size() + extents.size() / 2);
    for (size_t first = 0; first < extents.size();) {
      size_t middle = stretch_end(extents, first);
      size_t last = middle < extents.size() ? stretch_end(extents, middle) : middle;
      overlay({extents.data() + first, middle - first}, {extents.data() + middle, last - middle},
              &next);
      first = last;
    }
    extents = std::move(next);
  }
  std::vector<StoredRun> runs;
  for (const IndexedExtent& e : extents) {
    if (e.discard) continue;
    if (!runs.empty() && continues(runs.back(), e))
      runs.back().page_count += e.page_count;
    else
      runs.push_back({{e.address}, e.page_count, e.file_offset, e.checksum_index});
  }
  return runs;
}

}  // namespace belay
