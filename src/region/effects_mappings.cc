// sys/mman.h. What a rollback needs stays mapped until the commit, and is writable again before the
// log is written back.
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "region/actions.h"
#include "region/effect.h"

using namespace belay::region;

namespace {

struct Mapping {
  char* begin;
  size_t bytes;
  int protection;
  bool has(const char* at, size_t count) const {
    return begin <= at && count <= bytes && size_t(at - begin) <= bytes - count;
  }
};

void unmap(void* argument) {
  auto* mapping = static_cast<Mapping*>(argument);
  munmap(mapping->begin, mapping->bytes);
  free(mapping);
}
void protect(void* argument) {
  auto* mapping = static_cast<Mapping*>(argument);
  mprotect(mapping->begin, mapping->bytes, mapping->protection);
  free(mapping);
}
void make_writable(void* argument) {
  auto* mapping = static_cast<Mapping*>(argument);
  mprotect(mapping->begin, mapping->bytes, mapping->protection | PROT_READ | PROT_WRITE);
}

Mapping* make_mapping(void* begin, size_t bytes, int protection = 0) {
  auto* made = static_cast<Mapping*>(malloc(sizeof(Mapping)));
  if (made == nullptr) fatal("no memory to note a mapping");
  *made = {static_cast<char*>(begin), bytes, protection};
  return made;
}

// Whether this region has mapped all of it, so that a rollback needs none of its contents.
bool is_own(const char* at, size_t bytes) {
  auto& actions = this_thread.actions;
  for (size_t i = actions.size(); i > this_thread.regions.back().actions; i--) {
    const Action& each = actions[i - 1];
    if (each.run == unmap && each.when == Action::kRollback &&
        static_cast<Mapping*>(each.argument)->has(at, bytes))
      return true;
  }
  return false;
}

// What is mapped where: calls `each` with the parts of it that have one protection.
struct Parts {
  size_t bytes = 0;
  bool private_memory = true;  // of no file, and nobody else's
};
template <class Each>
Parts for_parts(char* at, size_t bytes, Each each) {
  Parts all;
  FILE* maps = fopen("/proc/self/maps", "re");
  if (maps == nullptr) fatal("/proc/self/maps can't be read, which mprotect() in a region needs");
  char line[512];
  while (fgets(line, sizeof line, maps) != nullptr) {
    uintptr_t begin, end;
    char access[5];
    unsigned long file;
    if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &begin, &end, access, &file) != 4) continue;
    const auto from = reinterpret_cast<uintptr_t>(at), to = from + bytes;
    if (begin < from) begin = from;
    if (end > to) end = to;
    if (begin >= end) continue;
    all.bytes += end - begin;
    all.private_memory &= file == 0 && access[3] == 'p';
    each(Mapping{reinterpret_cast<char*>(begin), end - begin,
                 (access[0] == 'r' ? PROT_READ : 0) | (access[1] == 'w' ? PROT_WRITE : 0) |
                     (access[2] == 'x' ? PROT_EXEC : 0)});
  }
  fclose(maps);
  return all;
}

int protect_undoably(char* at, size_t bytes, int protection) {
  for_parts(at, bytes, [&](const Mapping& part) {
    if (part.protection == protection) return;
    Mapping* before = make_mapping(part.begin, part.bytes, part.protection);
    on_rollback_only(protect, before);
    before_rollback(make_writable, before);
  });
  return mprotect(at, bytes, protection);
}

// What is to be unmapped at the commit is there until then, unless it is mapped again.
void keep_mapped(const Mapping& again) {
  for (Action& each : this_thread.actions) {
    if (each.run != unmap || each.when != Action::kCommit) continue;
    const auto& old = *static_cast<Mapping*>(each.argument);
    if (again.has(old.begin, old.bytes))
      each.run = free;
    else if (old.begin < again.begin + again.bytes && again.begin < old.begin + old.bytes)
      fatal("mmap(MAP_FIXED) in a region over a part of what it has unmapped");
  }
}

// Fresh memory in the place of other: the other is emptied instead, after its contents are logged.
void* map_over(char* at, size_t bytes, int protection, int flags, const Parts& there) {
  const bool private_memory = (flags & (MAP_ANONYMOUS | MAP_SHARED)) == MAP_ANONYMOUS;
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  if (!private_memory || !there.private_memory || there.bytes != (bytes + page - 1) / page * page)
    fatal("mmap(MAP_FIXED) in a region: what it maps over would be lost");
  keep_mapped({at, bytes, protection});
  if (protect_undoably(at, bytes, PROT_READ | PROT_WRITE) != 0) return MAP_FAILED;
  if (!is_own(at, bytes)) log_bytes(at, bytes);
  if (madvise(at, bytes, MADV_DONTNEED) != 0) return MAP_FAILED;
  return protect_undoably(at, bytes, protection) == 0 ? at : MAP_FAILED;
}

}  // namespace

EFFECT(void*, mmap, (void* at, size_t bytes, int protection, int flags, int of, off_t from)) {
  if (in_region() && flags & MAP_FIXED && !(flags & MAP_FIXED_NOREPLACE)) {
    auto* begin = static_cast<char*>(at);
    const Parts there = for_parts(begin, bytes, [](const Mapping&) {});
    if (there.bytes > 0) return map_over(begin, bytes, protection, flags, there);
  }
  void* result = mmap(at, bytes, protection, flags, of, from);
  if (result != MAP_FAILED && in_region()) on_rollback_only(unmap, make_mapping(result, bytes));
  return result;
}
EFFECT(void*, mmap64, (void* at, size_t bytes, int protection, int flags, int of, off64_t from)) {
  return fx_mmap(at, bytes, protection, flags, of, from);
}
EFFECT(int, munmap, (void* at, size_t bytes)) {
  if (!in_region()) return munmap(at, bytes);
  on_commit(unmap, make_mapping(at, bytes));
  return 0;
}
EFFECT(int, mprotect, (void* at, size_t bytes, int protection)) {
  if (!in_region()) return mprotect(at, bytes, protection);
  return protect_undoably(static_cast<char*>(at), bytes, protection);
}
EFFECT(void*, mremap, (void* from, size_t bytes, size_t wanted, int flags, ...)) {
  va_list arguments;
  va_start(arguments, flags);
  void* to = flags & MREMAP_FIXED ? va_arg(arguments, void*) : nullptr;
  va_end(arguments);
  if (!in_region()) return mremap(from, bytes, wanted, flags, to);
  auto* old = static_cast<char*>(from);
  const int read_write = PROT_READ | PROT_WRITE;
  bool plain = to == nullptr && bytes != 0;
  plain &= for_parts(old, bytes, [&](const Mapping& part) {
             plain &= (part.protection & read_write) == read_write;
           }).private_memory;
  if (!plain) fatal("mremap() in a region of other than private, writable memory");
  if (wanted <= bytes) {
    if (wanted < bytes) on_commit(unmap, make_mapping(old + wanted, bytes - wanted));
    return from;
  }
  if (!(flags & MREMAP_MAYMOVE)) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  void* made = fx_mmap(nullptr, wanted, read_write, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (made == MAP_FAILED) return made;
  memcpy(made, from, bytes);
  fx_munmap(from, bytes);
  return made;
}
// Advice that takes contents away is logged as a write.
EFFECT(int, madvise, (void* at, size_t bytes, int advice)) {
  if (in_region()) {
    switch (advice) {
      case MADV_NORMAL:
      case MADV_RANDOM:
      case MADV_SEQUENTIAL:
      case MADV_WILLNEED:
      case MADV_HUGEPAGE:
      case MADV_NOHUGEPAGE:
      case MADV_MERGEABLE:
      case MADV_UNMERGEABLE:
      case MADV_DONTDUMP:
      case MADV_DODUMP:
        break;
      case MADV_DONTNEED:
      case MADV_FREE:
        log_bytes(at, bytes);
        break;
      default:
        fatal("madvise() with advice %d in a region: nobody knows how to undo it", advice);
    }
  }
  return madvise(at, bytes, advice);
}
