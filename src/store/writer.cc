#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statfs.h>

#include <algorithm>
#include <new>

#include "base/check.h"
#include "base/checksum.h"
#include "base/syscall.h"
#include "base/text.h"
#include "store/generation.h"
#include "store/index_memory.h"

namespace belay {

using format::Metadata;

namespace {

// How far ahead of a full checkpoint, and of an increment, blocks are allocated.
constexpr uint64_t kFullStepBytes = 128 << 20;
constexpr uint64_t kIncrementStepBytes = 16 << 20;

bool same(const StorePosition& a, const StorePosition& b) {
  return a.sequence == b.sequence && a.generation == b.generation && a.segments == b.segments &&
         a.end_offset == b.end_offset;
}

}  // namespace

struct CheckpointWriter::Impl {
  Os* os;
  char directory[kStorePathBytes];
  BlockStream stream;
  IndexMemory index;

  // What is known of the files. After open() it is looked up once; then the writer is the only one.
  bool surveyed;
  uint64_t highest_sequence;  // ever seen valid, or written with WRITE_LOCK 1: never used again
  StorePosition last;         // of the last commit, and the link for what follows it
  SegmentLink next_link;
  uint64_t allocated_end;  // of its file
  bool tail_is_dirty;      // bytes of a failed attempt may lie behind last.end_offset

  // The attempt.
  int fd;  // -1: there is none
  bool full;
  StorePosition base;
  SegmentLink link;
  GenerationPath old_path;  // of the file that this one replaces
  format::BlockRef last_index;
  uint64_t data_begin;  // of the pages not yet in an index block
  uint64_t index_blocks;
  uint64_t written_bytes;
  Metadata metadata;

  Status survey(const StorePosition& position);
  Status find_parent(const StorePosition& position);
  bool room_for_three() const;
  Status put_old_aside(const char* path);
  Status open_full();
  Status open_increment();
  Status cut_tail();
  void write_unlocked(const BuildIdentity& identity, uint64_t sequence);
  Status append(uint64_t address, const std::byte* pages, uint64_t count);
  Status discard(uint64_t address, uint64_t count);
  Status spill_index();
  Status write_payload_end(std::span<const std::byte> description);
  Status sync_all();
  Status write_locked();
  void give_up();

  Status broken(long result, const char* what) const {
    int code = int(-result);
    return fail(code, "checkpoint not written: generation.{}: cannot {}: {}{} (store {})",
                link.generation, what, errno_text(code),
                code == ENOSPC ? ", free some space; the last checkpoint is intact" : "",
                directory);
  }
};

// Finds the highest sequence number in use, so that none is used twice even if the caller returned
// to an older checkpoint.
Status CheckpointWriter::Impl::survey(const StorePosition& position) {
  highest_sequence = position.sequence;
  for (uint32_t generation = 0; generation < format::kGenerations; ++generation) {
    auto path = generation_path(directory, generation);
    auto file = open_generation(*os, path.text, O_RDONLY);
    if (!file) continue;
    SegmentLink at{.generation = generation};
    while (read_metadata(*os, *file, at, &metadata)) {
      highest_sequence = std::max(highest_sequence, metadata.sequence);
      at = at.after(metadata);
    }
    os->close(file->fd);
  }
  surveyed = true;
  return {};
}

// Follows the chain of METADATA blocks up to `position`, for the link that continues it.
Status CheckpointWriter::Impl::find_parent(const StorePosition& position) {
  SegmentLink at{.generation = position.generation};
  auto path = generation_path(directory, position.generation);
  BELAY_ASSIGN(GenerationFile file, open_generation(*os, path.text, O_RDONLY));
  Status status;
  while (status && at.segment < position.segments) {
    status = read_metadata(*os, file, at, &metadata);
    if (status) at = at.after(metadata);
  }
  os->close(file.fd);
  BELAY_TRY(status);
  if (at.parent_sequence != position.sequence || at.offset != position.end_offset ||
      position.segments == 0)
    return fail(EINVAL, "generation.{} has checkpoint {} where {} was expected (store {})",
                position.generation, at.parent_sequence, position.sequence, directory);
  last = position;
  next_link = at;
  allocated_end = position.end_offset;
  tail_is_dirty = true;
  return {};
}

// Whether the disk holds another two checkpoints of the size of the last beside the two it has. A
// hint, which decides no more than when old space is freed; so it need not go through the seam.
bool CheckpointWriter::Impl::room_for_three() const {
  struct statfs disk;
  if (sys::call(SYS_statfs, directory, &disk) < 0) return false;
  return disk.f_bavail > 2 * base.base_bytes / uint64_t(disk.f_bsize);
}

// A checkpoint gets a new inode: a restored program may have the old one mapped. Freeing the old
// one's space takes long (1 GiB: 0.2 s on a disk mounted with `discard`), so where there is room
// for a third file that waits until the commit.
Status CheckpointWriter::Impl::put_old_aside(const char* path) {
  old_path = generation_path(directory, link.generation);
  append_text(old_path.text, ".old");
  os->unlink(old_path.text);  // of a program that died
  if (base.segments != 0 && room_for_three() && os->rename(path, old_path.text) == 0) {
    stream.set_spare(old_path.text);
    return {};
  }
  long result = os->unlink(path);
  return result == 0 || result == -ENOENT ? Status{} : broken(result, "replace the old file");
}

Status CheckpointWriter::Impl::open_full() {
  link = {.generation = base.sequence == 0 ? 0 : 1 - base.generation};
  auto path = generation_path(directory, link.generation);
  BELAY_TRY(put_old_aside(path.text));
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  long result = os->open(path.text, kFlags | O_DIRECT, 0600);
  if (result == -EINVAL) {
    // This file system has no O_DIRECT. Some have created the file before they find out.
    os->unlink(path.text);
    result = os->open(path.text, kFlags, 0600);
  }
  if (result < 0) return broken(result, "create it");
  fd = int(result);
  stream.start(fd, 0, 0, kFullStepBytes);
  return {};
}

Status CheckpointWriter::Impl::open_increment() {
  if (base.segments == 0) return fail(EINVAL, "an increment needs a full checkpoint before it");
  if (!same(last, base)) BELAY_TRY(find_parent(base));
  link = next_link;
  auto path = generation_path(directory, link.generation);
  auto file = open_generation(*os, path.text, O_RDWR | O_DIRECT);
  if (!file && file.error().code == EINVAL) file = open_generation(*os, path.text, O_RDWR);
  if (!file) return tl::make_unexpected(file.error());
  fd = file->fd;
  if (file->bytes < link.offset) return fail(EBADMSG, "generation.{} was cut", link.generation);
  BELAY_TRY(cut_tail());
  stream.start(fd, link.offset, allocated_end, kIncrementStepBytes);
  return {};
}

// Bytes of an attempt that failed may be valid in themselves. They are gone for good before the
// first byte of the next one is written over them, lest a crash leave a mixture of both.
Status CheckpointWriter::Impl::cut_tail() {
  if (!tail_is_dirty) return {};
  if (long result = os->ftruncate(fd, link.offset); result < 0)
    return broken(result, "cut off what was left behind");
  if (long result = os->fdatasync(fd); result < 0) return broken(result, "sync");
  tail_is_dirty = false;
  allocated_end = link.offset;
  return {};
}

void CheckpointWriter::Impl::write_unlocked(const BuildIdentity& identity, uint64_t sequence) {
  memset(static_cast<void*>(&metadata), 0, sizeof metadata);
  memcpy(metadata.magic, format::kMetadataMagic, sizeof metadata.magic);
  metadata.version = format::kVersion;
  metadata.sequence = sequence;
  metadata.generation = link.generation;
  metadata.segment = link.segment;
  metadata.kind = full ? format::SegmentKind::kFull : format::SegmentKind::kIncrement;
  metadata.build_id_bytes = identity.build_id_bytes;
  memcpy(metadata.build_id, identity.build_id, sizeof metadata.build_id);
  metadata.file_offset = link.offset;
  metadata.parent_checksum = link.parent_checksum;
  metadata.checksum = checksum_of(metadata);
  stream.put(&metadata, sizeof metadata);
  stream.flush();
}

Status CheckpointWriter::Impl::append(uint64_t address, const std::byte* pages, uint64_t count) {
  if (fd < 0) return fail(ECANCELED, "no checkpoint is being written");
  while (count != 0) {
    if (index.room_for_pages() == 0) BELAY_TRY(spill_index());
    auto to = stream.room();
    uint64_t part = std::min({count, index.room_for_pages(), to.size() / kPageBytes});
    index.add_pages(address, part, stream.offset());
    for (uint64_t i = 0; i < part; ++i) {
      // The copy is checksummed, not the source: the program may be writing there.
      std::byte* page = to.data() + i * kPageBytes;
      memcpy(page, pages + i * kPageBytes, kPageBytes);
      index.add_checksum(checksum(page, kPageBytes));
    }
    stream.advance(part * kPageBytes);
    metadata.data_pages += part;
    address += part * kPageBytes;
    pages += part * kPageBytes;
    count -= part;
    if (long result = stream.error(); result < 0) return broken(result, "write");
  }
  return {};
}

Status CheckpointWriter::Impl::discard(uint64_t address, uint64_t count) {
  if (fd < 0) return fail(ECANCELED, "no checkpoint is being written");
  if (count == 0) return {};
  if (!index.room_for_discard()) BELAY_TRY(spill_index());
  index.add_discard(address, count);
  metadata.discarded_pages += count;
  return {};
}

Status CheckpointWriter::Impl::spill_index() {
  auto extents = index.extents();
  auto checksums = index.take_checksums();
  format::IndexHeader header{};
  memcpy(header.magic, format::kIndexMagic, sizeof header.magic);
  header.sequence = metadata.sequence;
  header.file_offset = stream.offset();
  header.data_offset = data_begin;
  header.data_pages = checksums.size();
  header.extents = extents.size();
  header.extents_checksum = checksum(extents.data(), extents.size_bytes());
  header.checksums_checksum = checksum(checksums.data(), checksums.size_bytes());
  header.previous = last_index;
  header.ordinal = index_blocks++;
  last_index = {stream.offset(), format::index_bytes(extents.size(), checksums.size()),
                checksum(&header, sizeof header)};
  stream.put(&header, sizeof header);
  stream.put(extents.data(), extents.size_bytes());
  stream.put(checksums.data(), checksums.size_bytes());
  stream.pad_to_page();
  index.clear();
  data_begin = stream.offset();
  if (long result = stream.error(); result < 0) return broken(result, "write");
  return {};
}

Status CheckpointWriter::Impl::write_payload_end(std::span<const std::byte> description) {
  BELAY_TRY(spill_index());
  metadata.index = last_index;
  metadata.index_blocks = index_blocks;
  metadata.description = {stream.offset(), description.size(), checksum(description)};
  stream.put(description.data(), description.size());
  stream.pad_to_page();
  metadata.payload_bytes = stream.offset() - link.offset - kPageBytes;
  stream.flush();
  if (long result = stream.drain(); result < 0) return broken(result, "write");
  // What was allocated ahead stays for the next increment, unless a whole step is missing anyway.
  if (full || stream.allocation_failed())
    if (long result = os->ftruncate(fd, stream.offset()); result < 0)
      return broken(result, "trim it");
  return {};
}

// A new file is durable when its directory is.
Status CheckpointWriter::Impl::sync_all() {
  if (long result = os->fdatasync(fd); result < 0) return broken(result, "sync");
  if (!full) return {};
  long folder = os->open(directory, O_RDONLY | O_DIRECTORY, 0);
  if (folder < 0) return broken(folder, "open its directory");
  long result = os->fsync(int(folder));
  os->close(int(folder));
  if (result < 0) return broken(result, "sync its directory");
  return {};
}

Status CheckpointWriter::Impl::write_locked() {
  metadata.write_lock = 1;
  metadata.checksum = checksum_of(metadata);
  highest_sequence = metadata.sequence;
  if (long result = os->pwrite(fd, &metadata, sizeof metadata, link.offset); result < 0)
    return broken(result, "write METADATA");
  if (long result = os->fdatasync(fd); result < 0) return broken(result, "sync METADATA");
  return {};
}

// Gives the space back. If even that fails, the next attempt cuts the tail before it writes.
void CheckpointWriter::Impl::give_up() {
  if (fd < 0) return;
  stream.drain();
  if (full) {
    auto path = generation_path(directory, link.generation);
    os->unlink(path.text);
    os->close(fd);
  } else {
    tail_is_dirty = true;
    cut_tail();
    os->close(fd);
  }
  fd = -1;
  stream.release_spare();
}

Status CheckpointWriter::open(Os& os, const char* directory, std::span<std::byte> memory,
                              IoMode mode) {
  BELAY_CHECK(memory.size() >= kMemoryBytes &&
              reinterpret_cast<uintptr_t>(memory.data()) % kPageBytes == 0);
  if (strlen(directory) >= kStorePathBytes)
    return fail(ENAMETOOLONG, "the store's path is longer than {} bytes", kStorePathBytes - 1);
  impl_ = new (memory.data()) Impl{};
  copy_text(impl_->directory, directory);
  impl_->os = &os;
  impl_->fd = -1;
  std::byte* rest = memory.data() + page_ceil(sizeof(Impl));
  long result = impl_->stream.open(os, rest, mode);
  if (result < 0) {
    impl_ = nullptr;
    return fail(int(-result), "cannot start the store's I/O thread: {}", errno_text(int(-result)));
  }
  rest += BlockStream::kMemoryBytes;
  impl_->index.open({rest, memory.data() + memory.size()});
  return {};
}

Status CheckpointWriter::begin(const StorePosition& position, bool full,
                               const BuildIdentity& identity) {
  Impl& impl = *impl_;
  abandon();
  impl.stream.drain();  // it may still be at the file that the last one replaced
  if (!impl.surveyed) BELAY_TRY(impl.survey(position));
  impl.full = full;
  impl.base = position;
  impl.index.clear();
  impl.last_index = {};
  impl.index_blocks = 0;
  Status opened = full ? impl.open_full() : impl.open_increment();
  if (!opened) {
    if (impl.fd >= 0) impl.os->close(impl.fd);
    impl.fd = -1;
    impl.stream.release_spare();
    return opened;
  }
  uint64_t sequence = std::max(position.sequence, impl.highest_sequence) + 1;
  impl.write_unlocked(identity, sequence);
  impl.data_begin = impl.stream.offset();
  return {};
}

Status CheckpointWriter::append(ImageAddress address, const std::byte* pages, uint64_t count) {
  Status status = impl_->append(address.value, pages, count);
  if (!status) abandon();
  return status;
}

Status CheckpointWriter::discard(ImageAddress address, uint64_t count) {
  Status status = impl_->discard(address.value, count);
  if (!status) abandon();
  return status;
}

Result<StorePosition> CheckpointWriter::commit(std::span<const std::byte> description,
                                               uint64_t taken_unix_ns) {
  Impl& impl = *impl_;
  if (impl.fd < 0) return fail(ECANCELED, "no checkpoint is being written");
  impl.metadata.taken_unix_ns = taken_unix_ns;
  Status status = impl.write_payload_end(description);
  if (status) status = impl.sync_all();
  if (status) status = impl.write_locked();
  if (!status) {
    abandon();
    return tl::make_unexpected(status.error());
  }
  impl.next_link = impl.link.after(impl.metadata);
  uint64_t bytes = kPageBytes + impl.metadata.payload_bytes;
  impl.last = {impl.metadata.sequence, impl.link.generation, impl.next_link.segment,
               impl.next_link.offset, impl.full ? bytes : impl.base.base_bytes};
  bool trimmed = impl.full || impl.stream.allocation_failed();
  impl.allocated_end = trimmed ? impl.last.end_offset : impl.stream.allocated_end();
  impl.tail_is_dirty = false;
  impl.written_bytes = bytes;
  impl.os->close(impl.fd);
  impl.fd = -1;
  impl.stream.release_spare();
  return impl.last;
}

void CheckpointWriter::abandon() { impl_->give_up(); }

uint64_t CheckpointWriter::written_bytes() const {
  return impl_->fd >= 0 ? impl_->stream.offset() - impl_->link.offset : impl_->written_bytes;
}

int CheckpointWriter::fd() const { return impl_->fd; }

void CheckpointWriter::close() {
  if (impl_ == nullptr) return;
  abandon();
  impl_->stream.close();
  impl_ = nullptr;
}

}  // namespace belay
