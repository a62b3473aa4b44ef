#include "savepoint/layout.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>

#include "base/syscall.h"

namespace belay {
namespace {

bool kernels_own(std::string_view name) {
  return name == "[vsyscall]" || name == "[vdso]" || name.starts_with("[vvar");
}

Area area_of(const Mapping& mapping) {
  Area area;
  area.start = mapping.start;
  area.end = mapping.end;
  area.file_offset = mapping.inode == 0 ? 0 : mapping.file_offset;
  area.inode = mapping.inode;
  area.device = mapping.inode == 0 ? 0 : makedev(mapping.device_major, mapping.device_minor);
  area.protection = mapping.protection;
  area.shared = mapping.shared;
  area.stack = mapping.name() == "[stack]";
  return area;
}

bool continues(const Area& area, const Area& next) {
  return area.end == next.start && area.protection == next.protection && !area.stack &&
         !next.stack && area.same_memory(next);
}

}  // namespace

const Area* Layout::find(uint64_t address) const {
  auto all = areas();
  auto area =
      std::partition_point(all.begin(), all.end(), [&](const Area& a) { return a.end <= address; });
  return area != all.end() && area->start <= address ? &*area : nullptr;
}

Result<Layout*> read_layout(const MappingTableMemory& memory, BlockPool& pool,
                            std::span<const AddressRange> ours) {
  BELAY_ASSIGN(auto mappings, read_mappings(memory));
  size_t text_bytes = 1;
  for (const Mapping& mapping : mappings) text_bytes += mapping.name().size() + 1;
  size_t bytes = sizeof(Layout) + mappings.size() * sizeof(Area) + text_bytes;
  auto* layout = static_cast<Layout*>(pool.take(bytes));
  if (layout == nullptr) return fail(ENOMEM, "no room to remember {} mappings", mappings.size());
  layout->owners = 1;
  layout->program_break = uint64_t(sys::call(SYS_brk, 0));
  auto* areas = reinterpret_cast<Area*>(layout + 1);
  size_t count = 0;
  // The final text lies behind the areas that are left; until then, paths are those of the table.
  for (const Mapping& mapping : mappings) {
    bool skip = kernels_own(mapping.name());
    for (const AddressRange& own : ours)
      skip = skip || (mapping.start >= own.start && mapping.end <= own.end);
    if (skip) continue;
    Area area = area_of(mapping);
    if (count > 0 && continues(areas[count - 1], area)) {
      areas[count - 1].end = area.end;
      continue;
    }
    area.path = uint32_t(&mapping - mappings.data());
    areas[count++] = area;
  }
  layout->area_count = uint32_t(count);
  layout->text_bytes = bytes - sizeof(Layout) - count * sizeof(Area);
  char* text = layout->text();
  uint32_t used = 1;
  text[0] = '\0';
  for (Area& area : layout->areas()) {
    const char* path = mappings[area.path].path;
    size_t length = area.inode == 0 ? 0 : strlen(path);
    area.path = length == 0 ? 0 : used;
    memcpy(text + used, path, length);
    text[used + length] = '\0';
    if (length > 0) used += uint32_t(length) + 1;
  }
  return layout;
}

void keep_layout(Layout* layout) { layout->owners++; }

void drop_layout(Layout* layout, BlockPool& pool) {
  if (layout != nullptr && --layout->owners == 0) pool.give(layout, layout->bytes());
}

bool same_layout(const Layout& a, const Layout& b) {
  if (&a == &b) return true;
  if (a.area_count != b.area_count || a.program_break != b.program_break) return false;
  for (uint32_t i = 0; i < a.area_count; i++) {
    const Area &x = a.areas()[i], &y = b.areas()[i];
    bool start = x.start == y.start || (x.stack && y.stack);
    if (!start || x.end != y.end || x.protection != y.protection || !x.same_memory(y)) return false;
  }
  return true;
}

}  // namespace belay
