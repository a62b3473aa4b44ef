// Model files, version 1; docs/model_format.md is their description. A header, then sections one
// behind the other: a section header, the data, zeros up to the next multiple of 8. Little-endian.
#pragma once

#include <cstddef>
#include <cstdint>

namespace belay {

constexpr char kModelMagic[8] = {'B', 'E', 'L', 'A', 'Y', 'M', 'D', 'L'};
constexpr uint32_t kModelVersion = 1;
constexpr uint32_t kModelSectionsMax = 64;
constexpr uint64_t kModelFileBytesMax = uint64_t{1} << 33;

struct ModelFileHeader {
  char magic[8];
  uint32_t version;
  uint32_t sections;
  uint64_t payload_bytes;  // behind this header, to the end of the file
  uint64_t checksum;       // XXH3 of the payload
};
static_assert(sizeof(ModelFileHeader) == 32);
static_assert(offsetof(ModelFileHeader, checksum) == 24);

struct ModelSectionHeader {
  char name[40];  // NUL-terminated
  uint64_t bytes;
};
static_assert(sizeof(ModelSectionHeader) == 48);
static_assert(offsetof(ModelSectionHeader, bytes) == 40);

constexpr uint64_t padded_to_8(uint64_t bytes) { return (bytes + 7) & ~uint64_t{7}; }

}  // namespace belay
