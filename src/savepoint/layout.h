// The process's mappings, as a rollback puts them back.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "memory/mappings.h"
#include "savepoint/block_pool.h"

namespace belay {

// One or more mappings side by side that are alike.
struct Area {
  uint64_t start = 0, end = 0;
  uint64_t file_offset = 0, inode = 0, device = 0;
  uint32_t path = 0;  // in the layout's text
  uint8_t protection = 0;
  bool shared = false;
  bool stack = false;    // main's, which grows
  bool watched = false;  // its pages are saved

  bool anonymous() const { return inode == 0; }
  bool same_memory(const Area& other) const {
    return shared == other.shared && inode == other.inode && device == other.device &&
           (inode == 0 || file_offset - start == other.file_offset - other.start);
  }
  uint64_t size() const { return end - start; }
};

// Shared between savepoints. In a BlockPool.
struct Layout {
  uint32_t owners = 0;
  uint32_t area_count = 0;
  uint64_t text_bytes = 0;
  uint64_t program_break = 0;

  std::span<Area> areas() { return {reinterpret_cast<Area*>(this + 1), area_count}; }
  std::span<const Area> areas() const {
    return {reinterpret_cast<const Area*>(this + 1), area_count};
  }
  char* text() { return reinterpret_cast<char*>(areas().data() + area_count); }
  const char* path(const Area& area) const {
    return reinterpret_cast<const char*>(areas().data() + area_count) + area.path;
  }
  size_t bytes() const { return sizeof(Layout) + area_count * sizeof(Area) + text_bytes; }
  // Null when nothing is mapped there.
  const Area* find(uint64_t address) const;
};

struct AddressRange {
  uint64_t start = 0, end = 0;
};

// What is there now, but for `ours`. Null in a Result never; ENOMEM without room.
Result<Layout*> read_layout(const MappingTableMemory& memory, BlockPool& pool,
                            std::span<const AddressRange> ours);
void keep_layout(Layout* layout);
void drop_layout(Layout* layout, BlockPool& pool);
// But for how far the stack has grown.
bool same_layout(const Layout& a, const Layout& b);

// Calls visit(start, end, in `a` or null, in `b` or null) for stretches of addresses, in order,
// within which neither changes.
template <class Visit>
void sweep(std::span<const Area> a, std::span<const Area> b, Visit visit) {
  size_t i = 0, j = 0;
  uint64_t at = 0;
  while (i < a.size() || j < b.size()) {
    const Area* x = i < a.size() && a[i].start <= at ? &a[i] : nullptr;
    const Area* y = j < b.size() && b[j].start <= at ? &b[j] : nullptr;
    uint64_t next = UINT64_MAX;
    if (i < a.size()) next = x ? x->end : a[i].start;
    if (j < b.size()) next = next < (y ? y->end : b[j].start) ? next : (y ? y->end : b[j].start);
    if (x || y) visit(at, next, x, y);
    at = next;
    if (x && x->end == at) i++;
    if (y && y->end == at) j++;
  }
}

// Maps, unmaps and protects until what is mapped is as `goal` says. check_put_back() says first
// whether that can be done, and changes nothing. put_back() calls fresh(start, end) for memory that
// is empty now: what it held before has to be copied.
Status check_put_back(const Layout& now, const Layout& goal);
Status put_back(const Layout& now, const Layout& goal, void (*fresh)(void*, AddressRange),
                void* context);

}  // namespace belay
