// Memory mapped, unmapped or re-protected since a savepoint, put back.
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/syscall.h"
#include "savepoint/layout.h"

namespace belay {
namespace {

enum class Step { kNothing, kUnmap, kMap, kProtect };

Step step_for(const Area* now, const Area* goal) {
  if (goal == nullptr) return now->stack ? Step::kNothing : Step::kUnmap;
  if (now == nullptr) return goal->stack ? Step::kNothing : Step::kMap;
  if (!now->same_memory(*goal)) return Step::kMap;
  return now->protection == goal->protection ? Step::kNothing : Step::kProtect;
}

// The file that `area` maps, or a sentence.
Result<int> open_file(const Layout& layout, const Area& area) {
  if (area.anonymous()) {
    if (!area.shared) return -1;
    return fail(ENOTSUP, "the shared memory at {:#x}-{:#x} was unmapped since", area.start,
                area.end);
  }
  const char* path = layout.path(area);
  int mode = area.shared && (area.protection & PROT_WRITE) != 0 ? O_RDWR : O_RDONLY;
  long fd = sys::call(SYS_openat, AT_FDCWD, path, mode | O_CLOEXEC);
  struct stat found {};
  if (fd >= 0) sys::call(SYS_fstat, fd, &found);
  if (fd >= 0 && found.st_ino == area.inode && found.st_dev == area.device) return int(fd);
  if (fd >= 0) sys::call(SYS_close, fd);
  return fail(fd < 0 ? int(-fd) : ESTALE,
              "{}, which was mapped at {:#x}, cannot be mapped again: {}", path, area.start,
              fd < 0 ? errno_text(int(-fd)) : "it is another file by now");
}

Status map_again(const Layout& layout, const Area& area, uint64_t start, uint64_t end) {
  BELAY_ASSIGN(int fd, open_file(layout, area));
  int flags = MAP_FIXED | (area.shared ? MAP_SHARED : MAP_PRIVATE);
  if (area.anonymous()) flags |= MAP_ANONYMOUS | MAP_NORESERVE;
  long result = sys::mmap(reinterpret_cast<void*>(start), end - start, area.protection, flags, fd,
                          area.anonymous() ? 0 : int64_t(area.file_offset + (start - area.start)));
  if (fd >= 0) sys::call(SYS_close, fd);
  if (!sys::is_error(result)) return {};
  return fail(int(-result), "cannot map {:#x}-{:#x} again: {}", start, end,
              errno_text(int(-result)));
}

}  // namespace

Status check_put_back(const Layout& now, const Layout& goal) {
  Status status;
  sweep(now.areas(), goal.areas(), [&](uint64_t, uint64_t, const Area* is, const Area* should) {
    if (!status || step_for(is, should) != Step::kMap) return;
    auto fd = open_file(goal, *should);
    if (!fd) status = tl::make_unexpected(fd.error());
    if (fd && *fd >= 0) sys::call(SYS_close, *fd);
  });
  return status;
}

Status put_back(const Layout& now, const Layout& goal, void (*fresh)(void*, AddressRange),
                void* context) {
  Status status;
  // The heap of brk(2) first: the kernel maps and unmaps it itself.
  if (now.program_break != goal.program_break) sys::call(SYS_brk, goal.program_break);
  sweep(now.areas(), goal.areas(),
        [&](uint64_t start, uint64_t end, const Area* is, const Area* should) {
          switch (step_for(is, should)) {
            case Step::kNothing:
              return;
            case Step::kUnmap:
              sys::munmap(reinterpret_cast<void*>(start), end - start);
              return;
            case Step::kProtect:
              sys::call(SYS_mprotect, start, end - start, should->protection);
              return;
            case Step::kMap:
              if (Status mapped = map_again(goal, *should, start, end); !mapped && status)
                status = mapped;
              fresh(context, {start, end});
              return;
          }
        });
  return status;
}

}  // namespace belay
