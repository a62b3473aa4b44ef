// Taking a savepoint: copies of the pages that differ from the last one.
#include <errno.h>
#include <sys/mman.h>

#include <cstring>

#include "savepoint/tree.h"

namespace belay {
namespace {

bool all_zero(const std::byte* page) {
  uint64_t words[8];
  for (size_t at = 0; at < kPageBytes; at += sizeof words) {
    memcpy(words, page + at, sizeof words);
    uint64_t any = 0;
    for (uint64_t word : words) any |= word;
    if (any != 0) return false;
  }
  return true;
}

}  // namespace

Status Tree::take(const Moment& moment, uint64_t* id) {
  Savepoint* point = make_point();
  if (point == nullptr) return fail(ENOMEM, "more than {} savepoints", points_.size() - 1);
  link(point, current_);
  *id = point->id;
  Status status = stop_threads();
  size_t hot_before = changes_.hot().size(), hits = 0;
  if (status) status = find_changes();
  if (status) status = note_threads(moment, point);
  if (status) status = note_files(point);
  PageMaps::Map pages = maps_.share(base_);
  size_t saved = 0;
  if (status) status = forget_unmapped(pages);
  if (status) status = save_changes(pages, hot_before, &saved, &hits);
  if (!status) {
    maps_.drop(pages);
    forget_changes();
    free_point(point);
    release_threads();
    *id = 0;
    return status;
  }
  // What the first one found had to be copied anyway: no sign that it will change again.
  bool first = base_layout_ == nullptr;
  maps_.drop(base_);
  base_ = pages;
  if (layout_ != nullptr) {
    drop_layout(base_layout_, pool_);
    base_layout_ = layout_;
    layout_ = nullptr;
  }
  point->pages = maps_.share(base_);
  point->layout = base_layout_;
  keep_layout(base_layout_);
  point->libraries_loaded = moment.libraries_loaded;
  current_ = index_of(point);
  taken_++;
  pages_saved_ = saved;
  if (saved > 0) note_own_writes();
  changes_.settle(*base_layout_, hot_before, hits, first, verdict_);
  release_threads();
  return {};
}

Status Tree::note_files(Savepoint* point) {
  if (keep_files_) return {};
  BELAY_ASSIGN(point->files, open_files_.read(base_files_));
  if (point->files != base_files_) {
    open_files_.drop(base_files_);
    base_files_ = point->files;
    base_files_->owners++;
  }
  return {};
}

// `hits`: of them, pages that were hot before.
Status Tree::save_changes(PageMaps::Map& pages, size_t hot_before, size_t* saved, size_t* hits) {
  auto hot = changes_.hot();
  for (size_t i = 0; i < hot.size(); i++) {
    BELAY_ASSIGN(bool changed, save_page(pages, hot[i]));
    *saved += changed;
    *hits += changed && i < hot_before;
  }
  return {};
}

// Whether it differed from what the map had.
Result<bool> Tree::save_page(PageMaps::Map& pages, PageSlots::Slot slot) {
  uint64_t address = slots_.address(slot);
  const Area* area = present_layout()->find(address);
  if (area == nullptr || area->shared) return false;
  auto part = exempt_.of_page(address);
  if (part == ExemptRanges::Part::kAll) return false;
  auto* memory = reinterpret_cast<std::byte*>(address);
  PageStore::Id before = maps_.get(pages, slot);
  bool readable = (area->protection & PROT_READ) != 0;
  if (readable && before != PageStore::kNone) {
    bool differs = part == ExemptRanges::Part::kSome
                       ? exempt_.page_differs(memory, pages_.at(before))
                       : memcmp(memory, pages_.at(before), kPageBytes) != 0;
    if (!differs) return false;
  }
  if (readable && before == PageStore::kNone && area->anonymous() && all_zero(memory)) return false;
  PageStore::Id copy = bytes() + kPageBytes > bytes_max_ ? PageStore::kNone : pages_.make();
  if (copy == PageStore::kNone)
    return fail(ENOMEM,
                "savepoints have used up their {} MiB; release some, or raise "
                "BELAY_SAVEPOINT_MAX",
                std::min(bytes_max_, pages_.capacity() * kPageBytes) >> 20);
  std::span<std::byte> out{pages_.at(copy), kPageBytes};
  if (readable && (area->anonymous() || before != PageStore::kNone)) {
    memcpy(out.data(), memory, kPageBytes);
  } else if (reader_.read_running(address, out) == 0) {
    // Behind the end of a mapped file there is nothing, and without permission no plain reading.
    if (readable) {
      pages_.drop(copy);
      return false;
    }
    reader_.read_protected(address, out);
  }
  if (!maps_.set(pages, slot, copy)) return fail(ENOMEM, "no room for more savepoints");
  return true;
}

// What was unmapped since, or is other memory by now, has no contents any more.
Status Tree::forget_unmapped(PageMaps::Map& pages) {
  if (layout_ == nullptr || base_layout_ == nullptr) return {};
  bool room = true;
  sweep(layout_->areas(), base_layout_->areas(),
        [&](uint64_t start, uint64_t end, const Area* is, const Area* was) {
          if (was == nullptr || (is != nullptr && is->same_memory(*was))) return;
          slots_.each_in(start, end, [&](PageSlots::Slot slot) {
            if (maps_.get(pages, slot) != PageStore::kNone)
              room = room && maps_.set(pages, slot, PageStore::kNone);
          });
        });
  if (!room) return fail(ENOMEM, "no room for more savepoints");
  return {};
}

}  // namespace belay
