// What a segment holds: its index and its description, read and validated.
#pragma once

#include <vector>

#include "store/generation.h"

namespace belay {

struct IndexedExtent {
  uint64_t address = 0;
  uint64_t page_count = 0;
  uint64_t file_offset = 0;
  uint64_t checksum_index = 0;  // of its first page
  bool discard = false;
};

// Appends the segment's extents in append order, and its pages' checksums.
Status read_index(Os& os, const GenerationFile& file, const format::Metadata& segment,
                  std::vector<IndexedExtent>* extents, std::vector<uint64_t>* checksums);

Result<std::vector<std::byte>> read_description(Os& os, const GenerationFile& file,
                                                const format::Metadata& segment);

}  // namespace belay
