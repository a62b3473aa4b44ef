// The process's own mappings, from /proc/self/maps. Allocates nothing: usable while threads stand
// still (some 0.4 µs a mapping).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"

namespace belay {

struct Mapping {
  uint64_t start = 0, end = 0;
  uint64_t file_offset = 0, inode = 0;
  uint32_t device_major = 0, device_minor = 0;
  uint8_t protection = 0;  // PROT_*
  bool shared = false;
  const char* path = nullptr;  // NUL-terminated, "" for none; in the text that was parsed
  std::string_view name() const { return path; }
  uint64_t size() const { return end - start; }
};

// Memory that a MappingTable works in.
struct MappingTableMemory {
  std::span<char> text;  // at least the size of /proc/self/maps
  std::span<Mapping> mappings;
};

// Reads and parses. ENOMEM when the memory is too small.
Result<std::span<Mapping>> read_mappings(const MappingTableMemory& memory);

}  // namespace belay
