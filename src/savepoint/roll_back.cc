// Going back to a savepoint: layout, then pages, then threads.
#include <errno.h>
#include <sys/mman.h>

#include <cstring>

#include "base/log.h"
#include "base/syscall.h"
#include "savepoint/tree.h"

namespace belay {
namespace {

// Pages that were not there at the savepoint, and are cleared instead of being given back since
// the program has needed them again: 4 MiB.
constexpr size_t kBornMax = 1024;

}  // namespace

Result<ThreadPlace> Tree::roll_back(Moment moment, uint64_t id, long value) {
  Savepoint* goal = find(id);
  if (goal == nullptr)
    return fail(EINVAL, "cannot roll back: this savepoint has been released, or never was one");
  if (goal->libraries_loaded != moment.libraries_loaded)
    return fail(EBUSY,
                "cannot roll back: a library has been loaded or unloaded (dlopen, dlclose) "
                "since the savepoint");
  BELAY_TRY(stop_threads());
  Status status = check_threads(moment, goal);
  bool files = goal->files != nullptr && !keep_files_, same_files = false;
  if (status && files) status = open_files_.check(*goal->files, &same_files);
  size_t hot_before = changes_.hot().size();
  if (status) status = find_changes();
  if (status && !same_layout(*present_layout(), *goal->layout))
    status = check_put_back(*present_layout(), *goal->layout);
  if (!status) {
    forget_changes();
    release_threads();
    return tl::make_unexpected(status.error());
  }
  end_newer_threads(goal);
  put_layout_back(*goal->layout);
  if (files) open_files_.restore(*goal->files, same_files);
  size_t hits = 0;
  size_t copied = copy_back(goal, hot_before, &hits);
  PageMaps::Map pages = maps_.share(goal->pages);
  maps_.drop(base_);
  base_ = pages;
  keep_layout(goal->layout);
  drop_layout(base_layout_, pool_);
  base_layout_ = goal->layout;
  forget_changes();
  current_ = index_of(goal);
  rollbacks_++;
  pages_copied_back_ = copied;
  changes_.settle(*base_layout_, hot_before, hits, false, verdict_);
  ThreadPlace here = place_threads(moment, goal, value);
  release_threads();
  return here;
}

void Tree::put_layout_back(const Layout& goal) {
  if (same_layout(*present_layout(), goal)) return;
  verdict_ = Stillness::Verdict::kMappingsMayDiffer;
  auto fresh = [](void* context, AddressRange range) {
    Tree& tree = *static_cast<Tree*>(context);
    // If it can't be watched the next scan says so.
    (void)tree.changes_.watch(range);
    tree.slots_.each_in(range.start, range.end,
                        [&](PageSlots::Slot slot) { tree.changes_.add_hot(slot); });
  };
  Status status = put_back(*present_layout(), goal, fresh, this);
  if (status) return;
  // Half of the memory is another's by now; nothing may run on it.
  log(LogLevel::kError, "a rollback cannot be finished: {}", status.error().message);
  sys::call(SYS_exit_group, 70);
}

// Returns how many pages were not as they should be. `hits`: of them, those hot before.
size_t Tree::copy_back(Savepoint* goal, size_t hot_before, size_t* hits) {
  maps_.compare(base_, goal->pages,
                [&](PageSlots::Slot slot, PageStore::Id) { changes_.add_hot(slot); });
  if (changes_.hot().size() != hot_before) note_own_writes();
  size_t copied = 0, at = 0;
  born_kept_ = 0;
  given_back_ = {};
  changes_.filter_hot([&](PageSlots::Slot slot) {
    PutBack done = put_page_back(*goal->layout, slot, maps_.get(goal->pages, slot));
    copied += done != PutBack::kEqual;
    *hits += done != PutBack::kEqual && at < hot_before;
    at++;
    return done != PutBack::kNotThere;
  });
  flush_given_back();
  return copied;
}

Tree::PutBack Tree::put_page_back(const Layout& layout, PageSlots::Slot slot, PageStore::Id page) {
  uint64_t address = slots_.address(slot);
  const Area* area = layout.find(address);
  if (area == nullptr || area->shared) return PutBack::kNotThere;
  auto part = exempt_.of_page(address);
  if (part == ExemptRanges::Part::kAll) return PutBack::kNotThere;
  if (page == PageStore::kNone && part == ExemptRanges::Part::kNone)
    return put_nothing_back(*area, slot);
  const std::byte* from = page == PageStore::kNone ? zeros_.data() : pages_.at(page);
  auto* to = reinterpret_cast<std::byte*>(address);
  if ((area->protection & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE)) {
    write_protected(*area, to, from);
    return PutBack::kCopied;
  }
  if (part == ExemptRanges::Part::kSome) {
    if (!exempt_.page_differs(to, from)) return PutBack::kEqual;
    exempt_.copy_page(to, from);
    return PutBack::kCopied;
  }
  if (memcmp(to, from, kPageBytes) == 0) return PutBack::kEqual;
  memcpy(to, from, kPageBytes);
  return PutBack::kCopied;
}

// The page was not there, or was the file's.
Tree::PutBack Tree::put_nothing_back(const Area& area, PageSlots::Slot slot) {
  uint64_t address = slots_.address(slot);
  auto* memory = reinterpret_cast<std::byte*>(address);
  constexpr int kPlain = PROT_READ | PROT_WRITE;
  uint8_t& flags = slots_.flags(slot);
  bool again = (flags & PageSlots::kBorn) != 0;
  flags |= PageSlots::kBorn;
  if (again && area.anonymous() && (area.protection & kPlain) == kPlain && born_kept_ < kBornMax) {
    born_kept_++;
    if (memcmp(memory, zeros_.data(), kPageBytes) == 0) return PutBack::kEqual;
    memset(memory, 0, kPageBytes);
    return PutBack::kCopied;
  }
  give_back(address);
  return PutBack::kNotThere;
}

void Tree::give_back(uint64_t address) {
  if (given_back_.page_count > 0 && given_back_.end() == address) {
    given_back_.page_count++;
    return;
  }
  flush_given_back();
  given_back_ = {address, 1, true};
}

void Tree::flush_given_back() {
  if (given_back_.page_count == 0) return;
  note_own_writes();
  size_t bytes = given_back_.page_count * kPageBytes;
  // Locked memory is not given back (mlock(2)).
  if (sys::call(SYS_madvise, given_back_.start, bytes, MADV_DONTNEED) < 0)
    memset(reinterpret_cast<void*>(given_back_.start), 0, bytes);
  given_back_ = {};
}

void Tree::write_protected(const Area& area, std::byte* to, const std::byte* from) {
  verdict_ = Stillness::Verdict::kMappingsMayDiffer;
  sys::call(SYS_mprotect, to, kPageBytes, PROT_READ | PROT_WRITE);
  exempt_.copy_page(to, from);
  sys::call(SYS_mprotect, to, kPageBytes, area.protection);
}

}  // namespace belay
