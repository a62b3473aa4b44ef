#include "savepoint/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string_view>

#include "base/exempt_data.h"
#include "base/syscall.h"
#include "heap/heap.h"
#include "heap/heap_limit.h"

extern "C" __attribute__((visibility("hidden"))) std::byte __start_belay_own_data[];
extern "C" __attribute__((visibility("hidden"))) std::byte __stop_belay_own_data[];

namespace belay {
namespace {

constexpr size_t kPagesMax = 1 << 26;  // 256 GiB of copies
constexpr size_t kPointsMax = 1 << 22;
constexpr size_t kThreadsMax = 32'768;
constexpr size_t kStackBytes = 512 << 10;
constexpr size_t kMappingTextBytes = 16 << 20;
constexpr size_t kMappingsMax = 131'072;

}  // namespace

Result<Tree*> Tree::open(bool compare) {
  ExemptZone zone;
  BELAY_TRY(zone.reserve());
  // A fork would copy its page tables, and save it as if it were the program's.
  sys::call(SYS_madvise, zone.start(), zone.end() - zone.start(), MADV_DONTFORK);
  auto memory = zone.take(sizeof(Tree));
  auto* tree = new (memory.data()) Tree;
  tree->zone_ = zone;
  if (!tree->make(compare)) {
    tree->close();
    return fail(ENOMEM, "not enough address space for savepoints; raise ulimit -v");
  }
  return tree;
}

bool Tree::make(bool compare) {
  // A copy takes its page, and in tables some 20 bytes, and at most a node of a map.
  size_t pages = std::min(kPagesMax, (zone_.end() - zone_.start()) / (2 * kPageBytes));
  stack_ = zone_.take(kStackBytes);
  points_ = zone_.take<Savepoint>(std::min(kPointsMax, pages));
  way_out_ = zone_.take(kParkingStackBytes);
  zeros_ = zone_.take(kPageBytes);
  kernels_words_ = zone_.take<uint64_t>(kThreadsMax);
  mapping_memory_ = {zone_.take<char>(kMappingTextBytes), zone_.take<Mapping>(kMappingsMax)};
  auto threads = zone_.take<StoppedThread>(kThreadsMax);
  auto parking = zone_.take(kThreadsMax * kParkingStackBytes);
  if (stack_.empty() || points_.empty() || way_out_.empty() || zeros_.empty() || parking.empty())
    return false;
  bool room = exempt_.open(zone_) && slots_.open(zone_, pages) && pages_.open(zone_, pages) &&
              maps_.open(zone_, pages, pages_) && pool_.open(zone_, pages * 64) &&
              changes_.open(zone_, pages, compare, slots_, exempt_);
  if (!room) return false;
  stopper_.open(threads, parking);
  set_signal_target(&stopper_, [] {});
  reader_.open();
  task_fd_ = int(sys::call(SYS_openat, AT_FDCWD, "/proc/self/task", O_RDONLY | O_CLOEXEC));
  auto watching = changes_.stillness().descriptors();
  int own[] = {task_fd_,    reader_.fd(), changes_.tracker().uffd(), changes_.tracker().pagemap(),
               watching[0], watching[1]};
  open_files_.open(own, pool_);
  auto bookkeeping = exempt_bookkeeping();
  auto exempt = [&](const std::byte* start, const std::byte* end) {
    return bool(exempt_.add(reinterpret_cast<uint64_t>(start), reinterpret_cast<uint64_t>(end)));
  };
  return exempt(__start_belay_own_data, __stop_belay_own_data) &&
         exempt(bookkeeping.data(), bookkeeping.data() + bookkeeping.size());
}

void Tree::close() {
  changes_.close();
  reader_.close();
  open_files_.close();
  sys::call(SYS_close, task_fd_);
  ExemptZone zone = zone_;
  sys::munmap(reinterpret_cast<void*>(zone.start()), zone.end() - zone.start());
}

uint64_t Tree::bytes() const {
  return pages_.in_use() * kPageBytes + maps_.bytes() + pool_.in_use() + live_ * sizeof(Savepoint);
}

// ---- Settings and figures -----------------------------------------------------------------------

Status Tree::configure(const belay_savepoint_attr& attr) {
  if (attr.files > BELAY_FILES_KEEP) return fail(EINVAL, "files: there is no such setting");
  if (attr.files != BELAY_FILES_DEFAULT && !files_fixed_)
    keep_files_ = attr.files == BELAY_FILES_KEEP;
  if (attr.bytes_max != 0 && !bytes_fixed_) bytes_max_ = attr.bytes_max;
  return {};
}

Status Tree::configure_from_environment() {
  if (const char* text = secure_getenv("BELAY_SAVEPOINT_MAX")) {
    BELAY_ASSIGN(bytes_max_, parse_heap_bytes(text));
    bytes_fixed_ = true;
  }
  if (const char* text = secure_getenv("BELAY_SAVEPOINT_FILES")) {
    std::string_view policy = text;
    if (policy != "back" && policy != "keep")
      return fail(EINVAL, "BELAY_SAVEPOINT_FILES={}: it is back or keep", policy);
    keep_files_ = policy == "keep";
    files_fixed_ = true;
  }
  return {};
}

void Tree::read_statistics(struct belay_savepoint_statistics* out) const {
  *out = {.live = live_,
          .bytes = bytes(),
          .taken = taken_,
          .rollbacks = rollbacks_,
          .scans = scans_,
          .pages_saved = pages_saved_,
          .pages_copied_back = pages_copied_back_,
          .hot_pages = changes_.hot().size()};
}

// ---- The tree -----------------------------------------------------------------------------------

Savepoint* Tree::find(uint64_t id) {
  uint64_t index = id & UINT32_MAX;
  if (id == 0 || index >= made_points_ || points_[index].id != id) return nullptr;
  return &points_[index];
}

Savepoint* Tree::make_point() {
  uint32_t index = free_points_;
  if (index != 0)
    free_points_ = points_[index].next;
  else if (made_points_ < points_.size())
    index = made_points_++;
  else
    return nullptr;
  points_[index] = {};
  points_[index].id = uint64_t{++ids_} << 32 | index;
  live_++;
  return &points_[index];
}

void Tree::link(Savepoint* child, uint32_t parent) {
  child->parent = parent;
  child->previous = 0;
  child->next = points_[parent].first_child;  // of 0: the roots
  if (child->next != 0) points_[child->next].previous = index_of(child);
  points_[parent].first_child = index_of(child);
}

void Tree::unlink(Savepoint* child) {
  if (child->previous != 0)
    points_[child->previous].next = child->next;
  else
    points_[child->parent].first_child = child->next;
  if (child->next != 0) points_[child->next].previous = child->previous;
}

// Its children are its parent's from now on.
void Tree::free_point(Savepoint* point) {
  uint32_t index = index_of(point), parent = point->parent;
  unlink(point);
  while (point->first_child != 0) {
    Savepoint* child = &points_[point->first_child];
    unlink(child);
    link(child, parent);
  }
  if (current_ == index) current_ = parent;
  maps_.drop(point->pages);
  drop_layout(point->layout, pool_);
  open_files_.drop(point->files);
  if (point->threads != nullptr)
    pool_.give(point->threads, ThreadPlaces::bytes(point->threads->count));
  point->id = 0;
  point->next = free_points_;
  free_points_ = index;
  live_--;
}

Status Tree::release(uint64_t id) {
  Savepoint* point = find(id);
  if (point == nullptr) return fail(EINVAL, "this savepoint has been released, or never was one");
  free_point(point);
  pages_.trim();
  return {};
}

Status Tree::release_descendants(uint64_t id) {
  Savepoint* point = find(id);
  if (point == nullptr) return fail(EINVAL, "this savepoint has been released, or never was one");
  // A released child leaves its own children here.
  while (point->first_child != 0) free_point(&points_[point->first_child]);
  pages_.trim();
  return {};
}

Result<uint64_t> Tree::parent(uint64_t id) {
  Savepoint* point = find(id);
  if (point == nullptr) return fail(EINVAL, "this savepoint has been released, or never was one");
  return points_[point->parent].id;
}

// ---- Changes ------------------------------------------------------------------------------------

// What may differ from base_ is hot from now on, and layout_ is how memory is laid out.
Status Tree::find_changes() {
  verdict_ = base_layout_ == nullptr ? Stillness::Verdict::kMappingsMayDiffer : changes_.look();
  if (verdict_ == Stillness::Verdict::kStill) return {};
  scans_++;
  if (verdict_ == Stillness::Verdict::kPagesMayDiffer)
    return changes_.find_in(*base_layout_, maps_, base_);
  HeapRange exempt = exempt_range();
  AddressRange ours[] = {{zone_.start(), zone_.end()}, {exempt.begin, exempt.end}};
  BELAY_ASSIGN(layout_, read_layout(mapping_memory_, pool_, ours));
  Status status = changes_.find(*layout_, base_layout_, maps_, base_);
  if (status && base_layout_ != nullptr && same_layout(*layout_, *base_layout_)) {
    drop_layout(layout_, pool_);
    layout_ = nullptr;
  }
  if (!status) forget_changes();
  return status;
}

void Tree::forget_changes() {
  drop_layout(layout_, pool_);
  layout_ = nullptr;
}

}  // namespace belay
