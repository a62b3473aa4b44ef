// The bytes of a generation file. docs/store_format.md says what they mean and in which order they
// are written; every size and offset there is asserted here.
//
//     segment*                               the first is full, the others are increments on it
//     segment = METADATA payload
//     payload = (page* index-block)+ description     each part begins at a multiple of 4 KiB
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/checksum.h"
#include "base/page.h"

namespace belay::format {

static_assert(std::endian::native == std::endian::little, "the store's integers are little-endian");

constexpr char kMetadataMagic[8] = {'B', 'E', 'L', 'A', 'Y', 'C', 'K', 'P'};
constexpr char kIndexMagic[8] = {'B', 'E', 'L', 'A', 'Y', 'I', 'D', 'X'};
constexpr uint32_t kVersion = 1;
constexpr uint32_t kGenerations = 2;

enum class SegmentKind : uint32_t { kFull = 1, kIncrement = 2 };
enum class ExtentKind : uint32_t { kData = 1, kDiscard = 2 };

// A part of the payload: where in the file, how long without its padding, and its XXH3-64.
struct BlockRef {
  uint64_t offset;
  uint64_t bytes;
  uint64_t checksum;
};
static_assert(sizeof(BlockRef) == 24);

struct alignas(kPageBytes) Metadata {
  char magic[8];
  uint32_t version;
  uint32_t write_lock;  // 0 while the payload is being written, 1 when it is durable
  uint64_t sequence;
  uint32_t generation;  // 0 or 1, as in the file's name
  uint32_t segment;     // 0, 1, ... in this file
  SegmentKind kind;     // full if and only if segment is 0
  uint32_t build_id_bytes;
  uint64_t file_offset;  // of this block: bytes that moved are not taken for a segment
  uint64_t taken_unix_ns;
  uint64_t parent_checksum;  // `checksum` of the METADATA before it in the file; 0 in the first
  uint8_t build_id[20];
  uint8_t zero1[4];
  uint64_t payload_bytes;  // with padding: the next segment begins after it
  uint64_t data_pages;
  uint64_t discarded_pages;
  BlockRef index;  // the last index block; `checksum` is that of its IndexHeader
  uint64_t index_blocks;
  BlockRef description;
  uint8_t zero2[4088 - 168];
  uint64_t checksum;  // of the 4,088 bytes before it
};
static_assert(sizeof(Metadata) == kPageBytes);
static_assert(offsetof(Metadata, version) == 8 && offsetof(Metadata, write_lock) == 12);
static_assert(offsetof(Metadata, sequence) == 16 && offsetof(Metadata, generation) == 24);
static_assert(offsetof(Metadata, segment) == 28 && offsetof(Metadata, kind) == 32);
static_assert(offsetof(Metadata, build_id_bytes) == 36 && offsetof(Metadata, file_offset) == 40);
static_assert(offsetof(Metadata, taken_unix_ns) == 48 && offsetof(Metadata, parent_checksum) == 56);
static_assert(offsetof(Metadata, build_id) == 64 && offsetof(Metadata, payload_bytes) == 88);
static_assert(offsetof(Metadata, data_pages) == 96 && offsetof(Metadata, discarded_pages) == 104);
static_assert(offsetof(Metadata, index) == 112 && offsetof(Metadata, index_blocks) == 136);
static_assert(offsetof(Metadata, description) == 144 && offsetof(Metadata, zero2) == 168);
static_assert(offsetof(Metadata, checksum) == 4088);

inline uint64_t checksum_of(const Metadata& block) {
  return checksum(&block, offsetof(Metadata, checksum));
}

// Followed by `extents` Extents, then by `data_pages` checksums (uint64_t each). A segment has more
// than one index block only when its index outgrew the writer's memory.
struct IndexHeader {
  char magic[8];
  uint64_t sequence;     // of the segment
  uint64_t file_offset;  // of this header
  uint64_t data_offset;  // of the first page that this block describes
  uint64_t data_pages;   // which end where this block begins
  uint64_t extents;
  uint64_t extents_checksum;
  uint64_t checksums_checksum;
  BlockRef previous;  // the index block before it; zeros in the first
  uint64_t ordinal;   // 0, 1, ... in the segment
  uint8_t zero[32];
};
static_assert(sizeof(IndexHeader) == 128);
static_assert(offsetof(IndexHeader, sequence) == 8 && offsetof(IndexHeader, file_offset) == 16);
static_assert(offsetof(IndexHeader, data_offset) == 24 && offsetof(IndexHeader, data_pages) == 32);
static_assert(offsetof(IndexHeader, extents) == 40 && offsetof(IndexHeader, previous) == 64);
static_assert(offsetof(IndexHeader, extents_checksum) == 48);
static_assert(offsetof(IndexHeader, checksums_checksum) == 56);
static_assert(offsetof(IndexHeader, ordinal) == 88 && offsetof(IndexHeader, zero) == 96);

// Pages with data, in the order in which they lie in the file, or pages that read as zeros.
struct Extent {
  uint64_t address;
  uint64_t page_count;
  uint64_t file_offset;  // of the first page; 0 for a discard
  ExtentKind kind;
  uint32_t zero;
};
static_assert(sizeof(Extent) == 32);
static_assert(offsetof(Extent, page_count) == 8 && offsetof(Extent, file_offset) == 16);
static_assert(offsetof(Extent, kind) == 24 && offsetof(Extent, zero) == 28);

constexpr uint64_t index_bytes(uint64_t extents, uint64_t data_pages) {
  return sizeof(IndexHeader) + extents * sizeof(Extent) + data_pages * sizeof(uint64_t);
}

}  // namespace belay::format
