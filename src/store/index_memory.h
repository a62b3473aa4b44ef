// The index of what has been appended, in a fixed piece of memory: extents grow from its front,
// page checksums from its back. When they meet, the writer spills both to the file as an index
// block and goes on with empty memory, so that 64 MiB serve a process of any size.
#pragma once

#include <algorithm>
#include <span>

#include "base/check.h"
#include "store/format.h"

namespace belay {

class IndexMemory {
 public:
  void open(std::span<std::byte> memory) {
    memory_ = memory.first(memory.size() / sizeof(uint64_t) * sizeof(uint64_t));
    clear();
  }

  void clear() { extents_ = pages_ = 0; }

  bool room_for_discard() const { return free_bytes() >= sizeof(format::Extent); }

  // How many pages of one further extent fit.
  uint64_t room_for_pages() const {
    if (!room_for_discard()) return 0;
    return (free_bytes() - sizeof(format::Extent)) / sizeof(uint64_t);
  }

  void add_pages(uint64_t address, uint64_t count, uint64_t file_offset) {
    add({address, count, file_offset, format::ExtentKind::kData, 0});
  }

  void add_discard(uint64_t address, uint64_t count) {
    add({address, count, 0, format::ExtentKind::kDiscard, 0});
  }

  void add_checksum(uint64_t value) { back()[-int64_t(++pages_)] = value; }

  uint64_t pages() const { return pages_; }

  std::span<const format::Extent> extents() const { return {front(), extents_}; }

  // In page order. May be called once before clear(): they were gathered from the back.
  std::span<const uint64_t> take_checksums() {
    std::span<uint64_t> all(back() - pages_, pages_);
    std::reverse(all.begin(), all.end());
    return all;
  }

 private:
  format::Extent* front() const { return reinterpret_cast<format::Extent*>(memory_.data()); }
  uint64_t* back() const { return reinterpret_cast<uint64_t*>(memory_.data() + memory_.size()); }
  size_t free_bytes() const {
    return memory_.size() - extents_ * sizeof(format::Extent) - pages_ * sizeof(uint64_t);
  }

  // Lengthens the last extent where `next` continues it in memory.
  void add(const format::Extent& next) {
    if (extents_ != 0) {
      auto& last = front()[extents_ - 1];
      bool continues = last.kind == next.kind &&
                       last.address + last.page_count * kPageBytes == next.address &&
                       (next.kind == format::ExtentKind::kDiscard ||
                        last.file_offset + last.page_count * kPageBytes == next.file_offset);
      if (continues) {
        last.page_count += next.page_count;
        return;
      }
    }
    BELAY_CHECK(room_for_discard());
    front()[extents_++] = next;
  }

  std::span<std::byte> memory_;
  size_t extents_ = 0;
  size_t pages_ = 0;
};

}  // namespace belay
