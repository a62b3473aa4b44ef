#include "checkpoint/restore_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "memory/mappings.h"

namespace belay {
namespace {

constexpr uint64_t kUserEnd = 0x7ffffffff000;  // four-level page tables
constexpr uint64_t kPopulateBytes = 64 << 10;  // from here on worth a call (Linux >= 5.14)
constexpr uint64_t kLowest = 0x10000;          // vm.mmap_min_addr's default

Result<std::vector<Mapping>> own_mappings(std::vector<char>& text) {
  for (size_t bytes = 256 << 10;; bytes *= 4) {
    text.resize(bytes);
    std::vector<Mapping> table(bytes / 32);
    auto used = read_mappings({text, table});
    if (!used && used.error().code == ENOMEM && bytes < size_t{1} << 30) continue;
    if (!used) return tl::make_unexpected(used.error());
    table.resize(used->size());
    return table;
  }
}

bool is_kernels(std::string_view name) { return name == "[vdso]" || name.starts_with("[vvar"); }

class MemoryPlan {
 public:
  MemoryPlan(const Description& description, const LoadedCheckpoint& checkpoint, int store_fd,
             AddressRange carried, int high_fd, bool lazy)
      : description_(description),
        checkpoint_(checkpoint),
        store_fd_(store_fd),
        carried_(carried),
        high_fd_(high_fd),
        lazy_(lazy ? lazy_ranges(description) : std::vector<AddressRange>{}) {}

  Status clear(AddressRange block);
  Status move_kernel_mappings(uint64_t scratch);
  Status map_all();
  std::vector<RestoreCall> take() { return std::move(calls_); }
  void note_files(std::vector<int>* files) const {
    for (const auto& [path, fd] : files_)
      if (fd >= 0) files->push_back(fd);
  }

 private:
  void add(long expected, long number, std::initializer_list<uint64_t> arguments) {
    RestoreCall call{number, {}, expected};
    std::copy(arguments.begin(), arguments.end(), call.arguments);
    calls_.push_back(call);
  }
  Result<int> file_for(const MappingRecord& mapping);
  Status map_one(const MappingRecord& mapping);
  bool fill(const MappingRecord& mapping, bool dry_run);

  const Description& description_;
  const LoadedCheckpoint& checkpoint_;
  int store_fd_;
  AddressRange carried_;
  int high_fd_;
  std::vector<AddressRange> lazy_;
  std::map<std::string, int> files_;
  std::vector<RestoreCall> calls_;
};

// Unmaps all but the block and the kernel's own mappings.
Status MemoryPlan::clear(AddressRange block) {
  BELAY_ASSIGN(auto kept, own_kernel_mappings());
  kept.push_back(block);
  if (carried_.start != carried_.end) kept.push_back(carried_);
  std::sort(kept.begin(), kept.end(), [](auto& a, auto& b) { return a.start < b.start; });
  uint64_t from = 0;
  for (const AddressRange& range : kept) {
    if (range.start > from) add(0, SYS_munmap, {from, range.start - from});
    from = range.end;
  }
  add(0, SYS_munmap, {from, kUserEnd - from});
  return {};
}

Status MemoryPlan::move_kernel_mappings(uint64_t scratch) {
  BELAY_ASSIGN(auto now, own_kernel_mappings());
  std::vector<AddressRange> then;
  description_.for_each<MappingRecord>(RecordKind::kMapping, [&](const MappingRecord& mapping) {
    if (mapping.kind == MappingKind::kVdso)
      then.push_back({mapping.start.value, mapping.end.value});
  });
  bool same = now.size() == then.size();
  for (size_t i = 0; same && i < now.size(); i++)
    same = now[i].end - now[i].start == then[i].end - then[i].start &&
           now[i].start - now[0].start == then[i].start - then[0].start;
  if (!same)
    return fail(ENOTSUP,
                "the kernel's vdso is laid out in another way than at the checkpoint: "
                "restore it under the kernel that it ran on");
  auto move = [&](uint64_t from, uint64_t to, uint64_t bytes) {
    add(long(to), SYS_mremap, {from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to});
  };
  // By way of the block: where they are and where they go may overlap.
  uint64_t base = now.empty() ? 0 : now[0].start;
  for (auto& range : now)
    move(range.start, scratch + (range.start - base), range.end - range.start);
  for (size_t i = 0; i < now.size(); i++)
    move(scratch + (now[i].start - base), then[i].start, now[i].end - now[i].start);
  return {};
}

Status MemoryPlan::map_all() {
  Status status;
  description_.for_each<MappingRecord>(RecordKind::kMapping, [&](const MappingRecord& mapping) {
    bool stays = mapping.kind == MappingKind::kVdso ||
                 (mapping.start.value >= carried_.start && mapping.end.value <= carried_.end);
    if (status && !stays) status = map_one(mapping);
  });
  return status;
}

Result<int> MemoryPlan::file_for(const MappingRecord& mapping) {
  std::string path(tail(mapping));
  bool write = mapping.kind == MappingKind::kSharedFile && (mapping.protection & PROT_WRITE) != 0;
  auto [place, is_new] = files_.emplace(path + (write ? "+w" : ""), -1);
  if (!is_new) return place->second;
  int fd = open(path.c_str(), (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
  if (fd < 0) return fail(errno, "{}, which the program had mapped: {}", path, errno_text(errno));
  struct stat now;
  fstat(fd, &now);
  auto modified = uint64_t(now.st_mtim.tv_sec) * 1'000'000'000 + uint64_t(now.st_mtim.tv_nsec);
  bool changed =
      uint64_t(now.st_size) != mapping.file_bytes || modified != mapping.file_modified_ns;
  if (changed && mapping.kind == MappingKind::kPrivateFile) {
    close(fd);
    return fail(ESTALE,
                "{} has changed since the checkpoint: put the old file back, or start "
                "anew with --fresh",
                path);
  }
  int high = fcntl(fd, F_DUPFD_CLOEXEC, high_fd_);
  close(fd);
  if (high < 0) return fail(errno, "{}: {}", path, errno_text(errno));
  place->second = high;
  return high;
}

Status MemoryPlan::map_one(const MappingRecord& mapping) {
  uint64_t flags = MAP_FIXED;
  int fd = -1;
  uint64_t offset = 0;
  switch (mapping.kind) {
    case MappingKind::kAnonymous:
      flags |= MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
      break;
    case MappingKind::kSharedAnonymous:
      flags |= MAP_SHARED | MAP_ANONYMOUS;
      break;
    default: {
      BELAY_ASSIGN(fd, file_for(mapping));
      offset = mapping.file_offset;
      flags |= mapping.kind == MappingKind::kSharedFile ? MAP_SHARED : MAP_PRIVATE;
    }
  }
  if ((mapping.flags & kMappingGrowsDown) != 0) flags |= MAP_GROWSDOWN | MAP_STACK;
  bool contents = mapping.kind != MappingKind::kSharedFile && !is_among(lazy_, mapping) &&
                  fill(mapping, /*dry_run=*/true);
  uint64_t protection = mapping.protection;
  if (contents) protection = PROT_READ | PROT_WRITE;
  add(long(mapping.start.value), SYS_mmap,
      {mapping.start.value, mapping.size(), protection, flags, uint64_t(int64_t(fd)), offset});
  if (mapping.kind == MappingKind::kAnonymous && mapping.size() >= kHugePageBytes &&
      (mapping.flags & kMappingHugePages) != 0)
    add(RestoreCall::kIgnoreResult, SYS_madvise,
        {mapping.start.value, mapping.size(), MADV_HUGEPAGE});
  if (!contents) return {};
  fill(mapping, /*dry_run=*/false);
  if (protection != mapping.protection)
    add(0, SYS_mprotect, {mapping.start.value, mapping.size(), mapping.protection});
  return {};
}

// Reads the pages of one mapping from the store. Returns whether there are any.
bool MemoryPlan::fill(const MappingRecord& mapping, bool dry_run) {
  auto& runs = checkpoint_.runs;
  auto run = std::partition_point(runs.begin(), runs.end(), [&](const StoredRun& stored) {
    return stored.address.value + stored.page_count * kPageBytes <= mapping.start.value;
  });
  bool any = false;
  for (; run != runs.end() && run->address < mapping.end; ++run) {
    any = true;
    if (dry_run) return true;
    uint64_t start = std::max(run->address.value, mapping.start.value);
    uint64_t end = std::min(run->address.value + run->page_count * kPageBytes, mapping.end.value);
    uint64_t offset = run->file_offset + (start - run->address.value);
    // Pages made in one go cost half of what they do when the read below faults them in one by one.
    if (mapping.kind == MappingKind::kAnonymous && end - start >= kPopulateBytes)
      add(RestoreCall::kIgnoreResult, SYS_madvise, {start, end - start, MADV_POPULATE_WRITE});
    // pread(2) transfers at most 2 GiB less a page at once.
    for (uint64_t step; start < end; start += step, offset += step) {
      step = std::min<uint64_t>(end - start, 1 << 30);
      add(long(step), SYS_pread64, {uint64_t(store_fd_), start, step, offset});
    }
  }
  return any;
}

}  // namespace

Result<std::vector<AddressRange>> own_kernel_mappings() {
  std::vector<char> text;
  BELAY_ASSIGN(auto mappings, own_mappings(text));
  std::vector<AddressRange> found;
  for (const Mapping& mapping : mappings)
    if (is_kernels(mapping.name())) found.push_back({mapping.start, mapping.end});
  return found;
}

Result<uint64_t> find_hole(const Description& description, uint64_t bytes) {
  std::vector<char> text;
  BELAY_ASSIGN(auto mappings, own_mappings(text));
  std::vector<AddressRange> used;
  for (const Mapping& mapping : mappings) used.push_back({mapping.start, mapping.end});
  // Margins: stacks grow down, heaps grow up.
  constexpr uint64_t kMargin = uint64_t{64} << 20;
  description.for_each<MappingRecord>(RecordKind::kMapping, [&](const MappingRecord& mapping) {
    used.push_back({mapping.start.value - std::min(mapping.start.value, kMargin),
                    mapping.end.value + kMargin});
  });
  std::sort(used.begin(), used.end(), [](auto& a, auto& b) { return a.start < b.start; });
  uint64_t at = uint64_t{1} << 32;
  for (const AddressRange& range : used) {
    if (range.start >= at + bytes) break;
    at = std::max(at, page_ceil(range.end));
  }
  if (at + bytes > kUserEnd) return fail(ENOMEM, "no hole of {} bytes in the address space", bytes);
  return at;
}

Result<std::vector<RestoreCall>> plan_memory(const Description& description,
                                             const LoadedCheckpoint& checkpoint, int store_fd,
                                             AddressRange block, AddressRange carried,
                                             uint64_t scratch, int high_fd, bool lazy,
                                             std::vector<int>* files) {
  MemoryPlan plan(description, checkpoint, store_fd, carried, high_fd, lazy);
  BELAY_TRY(plan.clear(block));
  BELAY_TRY(plan.move_kernel_mappings(scratch));
  Status status = plan.map_all();
  plan.note_files(files);
  if (status) return plan.take();
  return tl::make_unexpected(status.error());
}

}  // namespace belay
