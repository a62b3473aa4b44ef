// The files generation.0 and generation.1, and the METADATA blocks in them: what writer and reader
// have in common. Allocates nothing, uses no libc state.
#pragma once

#include "base/error.h"
#include "base/os.h"
#include "store/format.h"
#include "store/writer.h"

namespace belay {

struct GenerationPath {
  char text[kStorePathBytes + 32];
};
GenerationPath generation_path(const char* directory, uint32_t generation);

struct GenerationFile {
  int fd = -1;
  uint64_t bytes = 0;
};

// Opens an existing one. Refuses what restoring would run somebody else's code from: a symlink, a
// file of another user, one that others may write to.
Result<GenerationFile> open_generation(Os& os, const char* path, int flags);

// What a segment at `offset` has to say of itself in order to belong there.
struct SegmentLink {
  uint32_t generation = 0;
  uint32_t segment = 0;
  uint64_t offset = 0;
  uint64_t parent_sequence = 0;
  uint64_t parent_checksum = 0;

  // The link of the segment after `block`.
  SegmentLink after(const format::Metadata& block) const;
};

// Reads the block at link.offset into `*block` and validates all of it. The error is ENODATA where
// the file or its written part ends; EINPROGRESS where WRITE_LOCK is 0 (the rest of the block is
// sound then); ESTALE for a segment of another history; ENOTSUP for another version's; EBADMSG for
// a damaged one.
Status read_metadata(Os& os, const GenerationFile& file, const SegmentLink& link,
                     format::Metadata* block);

}  // namespace belay
