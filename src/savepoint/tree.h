// The savepoints of this process, and the ways between them. In exempt memory: nothing in here
// goes back. All functions but open() run while every other thread stands still, on a stack of
// Belay's own, with all signals blocked: they allocate nothing and use no thread-local storage.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"
#include "belay/savepoint.h"
#include "context/thread_stop.h"
#include "memory/exempt.h"
#include "savepoint/block_pool.h"
#include "savepoint/changes.h"
#include "savepoint/exempt_ranges.h"
#include "savepoint/layout.h"
#include "savepoint/open_files.h"
#include "savepoint/page_map.h"
#include "savepoint/page_slots.h"
#include "savepoint/page_store.h"

namespace belay {

// Where a thread goes on after a rollback.
struct ThreadPlace {
  int tid = 0;
  uint64_t frame = 0;  // of the belay_call_on_stack() in which it took the savepoint; 0: stopped
  uint64_t fs_base = 0;
  uint64_t clear_tid_address = 0;
  ResumeContext handler;  // where it was stopped
};

// Shared by nobody: threads are seldom where they were.
struct ThreadPlaces {
  uint32_t count = 0;
  std::span<ThreadPlace> all() { return {reinterpret_cast<ThreadPlace*>(this + 1), count}; }
  static size_t bytes(size_t count) { return sizeof(ThreadPlaces) + count * sizeof(ThreadPlace); }
};

struct Savepoint {
  uint64_t id = 0;  // 0: free
  PageMaps::Map pages;
  Layout* layout = nullptr;
  ThreadPlaces* threads = nullptr;
  FileTable* files = nullptr;  // null: they are left alone
  uint64_t libraries_loaded = 0;
  uint32_t parent = 0, first_child = 0, next = 0, previous = 0;  // indices, 0: none
};

class Tree {
 public:
  // Makes the one of this process, in address space of its own.
  static Result<Tree*> open(bool compare);
  void close();

  struct Moment {
    uint64_t frame = 0;             // of the caller
    int tid = 0;                    // likewise
    uint64_t libraries_loaded = 0;  // by dlopen() so far
  };

  // A savepoint of now; its id is in `*id` before memory is looked at, so that it is part of what
  // comes back.
  Status take(const Moment& moment, uint64_t* id);
  // Makes everything as it was. Returns where the calling thread goes on; the others know already
  // that `value` is for the one that took the savepoint, and run. All by value: what is on the
  // caller's stack goes back.
  Result<ThreadPlace> roll_back(Moment moment, uint64_t id, long value);
  Status release(uint64_t id);
  Status release_descendants(uint64_t id);
  Result<uint64_t> parent(uint64_t id);

  ExemptRanges& exempt() { return exempt_; }
  std::span<const int> own_descriptors() const { return open_files_.own(); }
  OpenFiles& files() { return open_files_; }
  Status configure(const belay_savepoint_attr& attr);
  Status configure_from_environment();
  void read_statistics(struct belay_savepoint_statistics* out) const;
  std::byte* stack_top() { return stack_.data() + stack_.size(); }
  // To leave the other one on, before the next caller comes.
  std::byte* way_out_top() { return way_out_.data() + way_out_.size(); }

 private:
  bool make(bool compare);
  uint64_t bytes() const;
  Savepoint* find(uint64_t id);
  uint32_t index_of(const Savepoint* savepoint) { return uint32_t(savepoint - points_.data()); }
  Savepoint* make_point();
  void link(Savepoint* child, uint32_t parent);
  void unlink(Savepoint* child);
  void free_point(Savepoint* point);

  Status stop_threads();
  void release_threads();
  Status note_files(Savepoint* point);
  Status note_threads(const Moment& moment, Savepoint* point);
  Status check_threads(const Moment& moment, Savepoint* goal);
  void end_newer_threads(Savepoint* goal);
  void exempt_kernels_words();
  ThreadPlace place_threads(const Moment& moment, Savepoint* goal, long value);

  Status find_changes();
  void forget_changes();
  Layout* present_layout() { return layout_ != nullptr ? layout_ : base_layout_; }
  Status save_changes(PageMaps::Map& pages, size_t hot_before, size_t* saved, size_t* hits);
  Result<bool> save_page(PageMaps::Map& pages, PageSlots::Slot slot);
  Status forget_unmapped(PageMaps::Map& pages);

  void put_layout_back(const Layout& goal);
  size_t copy_back(Savepoint* goal, size_t hot_before, size_t* hits);
  enum class PutBack { kEqual, kCopied, kNotThere };
  PutBack put_page_back(const Layout& layout, PageSlots::Slot slot, PageStore::Id page);
  PutBack put_nothing_back(const Area& area, PageSlots::Slot slot);
  void give_back(uint64_t address);
  void flush_given_back();
  void write_protected(const Area& area, std::byte* to, const std::byte* from);

  ExemptZone zone_;
  PageStore pages_;
  PageMaps maps_;
  PageSlots slots_;
  BlockPool pool_;
  ExemptRanges exempt_;
  Changes changes_;
  PageReader reader_;
  ThreadStopper stopper_;
  OpenFiles open_files_;
  std::span<Savepoint> points_;
  std::span<std::byte> stack_, way_out_;
  MappingTableMemory mapping_memory_;
  std::span<std::byte> zeros_;  // one page
  int task_fd_ = -1;
  PageRun given_back_;    // a run in the making
  size_t born_kept_ = 0;  // in this rollback

  PageMaps::Map base_;  // what memory was equal to last
  Layout* base_layout_ = nullptr;
  Layout* layout_ = nullptr;  // as find_changes() found it; null: as base_layout_
  // What may have changed since it was last known, by the program or by us.
  Stillness::Verdict verdict_ = Stillness::Verdict::kMappingsMayDiffer;
  void note_own_writes() {
    if (verdict_ == Stillness::Verdict::kStill) verdict_ = Stillness::Verdict::kPagesMayDiffer;
  }
  uint32_t current_ = 0;  // the savepoint that memory was equal to last, or its ancestor
  uint32_t made_points_ = 1, free_points_ = 0;
  uint32_t ids_ = 0;
  uint64_t live_ = 0;
  uint64_t bytes_max_ = UINT64_MAX;
  FileTable* base_files_ = nullptr;  // as they were found last, or null
  bool keep_files_ = false;
  bool files_fixed_ = false, bytes_fixed_ = false;  // by the environment
  std::span<uint64_t> kernels_words_;               // exempt ranges of threads that live
  size_t kernels_words_count_ = 0;
  bool stopped_ = false;  // other threads stand still
  bool leaving_ = false;  // they were told to go on, and may not have had a core yet
  uint64_t taken_ = 0, rollbacks_ = 0, scans_ = 0;
  uint64_t pages_saved_ = 0, pages_copied_back_ = 0;  // the last time
};

}  // namespace belay
