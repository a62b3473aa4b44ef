#include "store/index_reader.h"

#include <errno.h>

#include <algorithm>
#include <memory>

#include "base/checksum.h"

namespace belay {
namespace {

using format::BlockRef;
using format::Extent;
using format::IndexHeader;
using format::Metadata;

Status read_exactly(Os& os, int fd, void* data, size_t bytes, uint64_t offset) {
  long n = os.pread(fd, data, bytes, offset);
  if (n < 0) return fail(int(-n), "cannot be read at offset {}: {}", offset, errno_text(int(-n)));
  if (size_t(n) != bytes) return fail(EBADMSG, "ends before offset {}", offset + bytes);
  return {};
}

// One index block in memory; `bytes` holds it without padding.
struct Block {
  IndexHeader header;
  std::unique_ptr<std::byte[]> bytes;

  std::span<const Extent> extents() const {
    return {reinterpret_cast<const Extent*>(bytes.get()), header.extents};
  }
  std::span<const uint64_t> checksums() const {
    return {reinterpret_cast<const uint64_t*>(bytes.get() + header.extents * sizeof(Extent)),
            header.data_pages};
  }
};

Status damaged(uint64_t offset, const char* why) {
  return fail(EBADMSG, "its index at offset {} is damaged: {}", offset, why);
}

// The header must fit `ref`, `ref` is inside the payload already.
Status check_header(const IndexHeader& header, const BlockRef& ref, const Metadata& segment) {
  uint64_t payload_begin = segment.file_offset + kPageBytes;
  if (checksum(&header, sizeof header) != ref.checksum)
    return damaged(ref.offset, "the header's checksum differs");
  uint64_t body = ref.bytes - sizeof header;
  bool sound = memcmp(header.magic, format::kIndexMagic, sizeof header.magic) == 0 &&
               header.sequence == segment.sequence && header.file_offset == ref.offset &&
               header.extents <= body / sizeof(Extent) &&
               header.data_pages == (body - header.extents * sizeof(Extent)) / sizeof(uint64_t) &&
               ref.bytes == format::index_bytes(header.extents, header.data_pages) &&
               header.data_offset % kPageBytes == 0 && header.data_offset >= payload_begin &&
               header.data_offset <= ref.offset &&
               header.data_pages == (ref.offset - header.data_offset) / kPageBytes;
  return sound ? Status{} : damaged(ref.offset, "the header contradicts itself");
}

Result<Block> read_block(Os& os, int fd, const BlockRef& ref, const Metadata& segment) {
  Block block;
  BELAY_TRY(read_exactly(os, fd, &block.header, sizeof block.header, ref.offset));
  BELAY_TRY(check_header(block.header, ref, segment));
  uint64_t bytes = ref.bytes - sizeof block.header;
  block.bytes = std::make_unique_for_overwrite<std::byte[]>(bytes);
  BELAY_TRY(read_exactly(os, fd, block.bytes.get(), bytes, ref.offset + sizeof block.header));
  auto extents = block.extents();
  auto checksums = block.checksums();
  if (checksum(extents.data(), extents.size_bytes()) != block.header.extents_checksum ||
      checksum(checksums.data(), checksums.size_bytes()) != block.header.checksums_checksum)
    return tl::make_unexpected(damaged(ref.offset, "its checksum differs").error());
  return block;
}

// The blocks of the segment, last first: each names the one before it, which must end where its
// own pages begin, so that pages and blocks tile the payload.
Result<std::vector<Block>> read_blocks(Os& os, int fd, const Metadata& segment) {
  std::vector<Block> blocks;
  BlockRef ref = segment.index;
  for (uint64_t ordinal = segment.index_blocks; ordinal-- > 0;) {
    BELAY_ASSIGN(Block block, read_block(os, fd, ref, segment));
    const IndexHeader& header = block.header;
    if (header.ordinal != ordinal)
      return tl::make_unexpected(damaged(ref.offset, "its number differs").error());
    uint64_t earliest = segment.file_offset + kPageBytes;
    BlockRef previous = header.previous;
    bool sound = ordinal == 0
                     ? header.data_offset == earliest && previous.offset == 0
                     : previous.offset % kPageBytes == 0 && previous.offset >= earliest &&
                           previous.offset < header.data_offset &&
                           previous.bytes >= sizeof(IndexHeader) &&
                           previous.bytes <= header.data_offset - previous.offset &&
                           page_ceil(previous.offset + previous.bytes) == header.data_offset;
    if (!sound) return tl::make_unexpected(damaged(ref.offset, "a gap before it").error());
    ref = previous;
    blocks.push_back(std::move(block));
  }
  return blocks;
}

// Data extents must tile the block's pages in order; addresses must not wrap.
Status take_extents(const Block& block, uint64_t checksum_index,
                    std::vector<IndexedExtent>* extents) {
  uint64_t pages = 0;
  for (const Extent& extent : block.extents()) {
    bool discard = extent.kind == format::ExtentKind::kDiscard;
    bool sound = (discard || extent.kind == format::ExtentKind::kData) && extent.zero == 0 &&
                 extent.address % kPageBytes == 0 && extent.page_count != 0 &&
                 extent.page_count <= (UINT64_MAX - extent.address) / kPageBytes;
    if (sound && discard) sound = extent.file_offset == 0;
    if (sound && !discard)
      sound = extent.page_count <= block.header.data_pages - pages &&
              extent.file_offset == block.header.data_offset + pages * kPageBytes;
    if (!sound) return damaged(block.header.file_offset, "an extent contradicts the rest");
    extents->push_back({extent.address, extent.page_count, extent.file_offset,
                        discard ? 0 : checksum_index + pages, discard});
    if (!discard) pages += extent.page_count;
  }
  if (pages != block.header.data_pages)
    return damaged(block.header.file_offset, "pages without an extent");
  return {};
}

// Exactly as much for the first, large segment; in growing steps for the many that follow it.
template <class T>
void make_room(std::vector<T>* items, uint64_t more) {
  uint64_t needed = items->size() + more;
  if (items->empty() || needed > items->capacity())
    items->reserve(items->empty() ? needed : std::max(needed, 2 * items->size()));
}

}  // namespace

Status read_index(Os& os, const GenerationFile& file, const Metadata& segment,
                  std::vector<IndexedExtent>* extents, std::vector<uint64_t>* checksums) {
  BELAY_ASSIGN(std::vector<Block> blocks, read_blocks(os, file.fd, segment));
  uint64_t pages = 0, runs = 0;
  for (const Block& block : blocks) {
    pages += block.header.data_pages;
    runs += block.header.extents;
  }
  if (pages != segment.data_pages)
    return damaged(segment.index.offset, "METADATA has another number of pages");
  make_room(checksums, pages);
  make_room(extents, runs);
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    BELAY_TRY(take_extents(*block, checksums->size(), extents));
    auto more = block->checksums();
    checksums->insert(checksums->end(), more.begin(), more.end());
  }
  return {};
}

Result<std::vector<std::byte>> read_description(Os& os, const GenerationFile& file,
                                                const Metadata& segment) {
  std::vector<std::byte> bytes(segment.description.bytes);
  BELAY_TRY(read_exactly(os, file.fd, bytes.data(), bytes.size(), segment.description.offset));
  if (checksum(bytes) != segment.description.checksum)
    return fail(EBADMSG, "its description is damaged: the checksum differs");
  return bytes;
}

}  // namespace belay
