#include "store/generation.h"

#include <errno.h>
#include <fcntl.h>

#include "base/syscall.h"

namespace belay {
namespace {

using format::Metadata;

bool all_zero(const Metadata& block) {
  const char* bytes = reinterpret_cast<const char*>(&block);
  return bytes[0] == 0 && memcmp(bytes, bytes + 1, sizeof block - 1) == 0;
}

// Index and description tile the end of the payload, so that nothing in it goes unchecked.
bool layout_is_sound(const Metadata& block, uint64_t file_bytes) {
  if (block.payload_bytes % kPageBytes != 0) return false;
  uint64_t begin = block.file_offset + kPageBytes;
  if (begin > file_bytes || block.payload_bytes > file_bytes - begin) return false;
  uint64_t end = begin + block.payload_bytes;
  const auto& index = block.index;
  const auto& description = block.description;
  if (index.offset % kPageBytes != 0 || index.offset < begin || index.offset > end) return false;
  if (index.bytes < sizeof(format::IndexHeader) || index.bytes > end - index.offset) return false;
  if (description.offset != page_ceil(index.offset + index.bytes)) return false;
  if (description.offset > end || description.bytes > end - description.offset) return false;
  if (page_ceil(description.offset + description.bytes) != end) return false;
  return block.data_pages <= block.payload_bytes / kPageBytes && block.index_blocks >= 1 &&
         block.index_blocks <= block.payload_bytes / kPageBytes;
}

Status check_metadata(const Metadata& block, const SegmentLink& link, uint64_t file_bytes) {
  if (all_zero(block)) return fail(ENODATA, "nothing was written here");
  if (memcmp(block.magic, format::kMetadataMagic, sizeof block.magic) != 0)
    return fail(EBADMSG, "its METADATA is damaged: the magic number is missing");
  if (block.checksum != checksum_of(block))
    return fail(EBADMSG, "its METADATA is damaged: the checksum differs");
  if (block.version != format::kVersion)
    return fail(ENOTSUP, "it has format version {}, this Belay reads version {}", block.version,
                format::kVersion);
  if (block.generation != link.generation || block.segment != link.segment ||
      block.file_offset != link.offset || block.parent_checksum != link.parent_checksum ||
      block.sequence <= link.parent_sequence)
    return fail(ESTALE, "left over from an attempt that was given up");
  if (block.write_lock == 0)
    return fail(EINPROGRESS, "WRITE_LOCK is 0: the program died while writing it");
  bool full = block.kind == format::SegmentKind::kFull;
  bool increment = block.kind == format::SegmentKind::kIncrement;
  if (block.write_lock != 1 || (link.segment == 0 ? !full : !increment) ||
      block.build_id_bytes > sizeof block.build_id || !layout_is_sound(block, file_bytes))
    return fail(EBADMSG, "its METADATA contradicts itself, or the file was cut");
  return {};
}

}  // namespace

GenerationPath generation_path(const char* directory, uint32_t generation) {
  GenerationPath path;
  auto end =
      fmt::format_to_n(path.text, sizeof path.text - 1, "{}/generation.{}", directory, generation);
  *end.out = '\0';
  return path;
}

Result<GenerationFile> open_generation(Os& os, const char* path, int flags) {
  // O_NONBLOCK: opening a FIFO that somebody put there must not wait for its other end.
  long fd = os.open(path, flags | O_NOFOLLOW | O_NONBLOCK, 0);
  if (fd == -ELOOP) return fail(ELOOP, "refused, it is a symbolic link: {}", path);
  if (fd < 0) return fail(int(-fd), "cannot be opened, {}: {}", errno_text(int(-fd)), path);
  struct stat status;
  long result = os.fstat(int(fd), &status);
  Status checked;
  if (result < 0)
    checked = fail(int(-result), "cannot be examined, {}: {}", errno_text(int(-result)), path);
  else if (!S_ISREG(status.st_mode))
    checked = fail(EACCES, "refused, it is not a regular file: {}", path);
  else if (long user = sys::call(SYS_geteuid); status.st_uid != user)
    checked =
        fail(EACCES,
             "refused, it belongs to user {} and whoever restores it (user {}) runs its code: "
             "{}",
             status.st_uid, user, path);
  else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    checked = fail(EACCES, "refused, others than its owner may write to it: {}", path);
  if (checked) return GenerationFile{int(fd), uint64_t(status.st_size)};
  os.close(int(fd));
  return tl::make_unexpected(checked.error());
}

SegmentLink SegmentLink::after(const Metadata& block) const {
  return {generation, segment + 1, offset + kPageBytes + block.payload_bytes, block.sequence,
          block.checksum};
}

Status read_metadata(Os& os, const GenerationFile& file, const SegmentLink& link, Metadata* block) {
  memset(static_cast<void*>(block), 0, sizeof *block);
  if (link.offset >= file.bytes) return fail(ENODATA, "the file ends here");
  if (file.bytes - link.offset < sizeof *block)
    return fail(EBADMSG, "its METADATA is cut off by the end of the file");
  long n = os.pread(file.fd, block, sizeof *block, link.offset);
  if (n < 0) return fail(int(-n), "its METADATA cannot be read: {}", errno_text(int(-n)));
  if (size_t(n) != sizeof *block) return fail(EBADMSG, "its METADATA is cut off");
  return check_metadata(*block, link, file.bytes);
}

}  // namespace belay
