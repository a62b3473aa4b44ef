#include "memory/exempt.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "base/page.h"
#include "base/syscall.h"

namespace belay {

Status ExemptZone::reserve() {
  // Inaccessible pages at both ends, or the kernel may make one mapping of the zone and a
  // neighbour of the program's, and Belay's own memory becomes part of the image.
  long result = -ENOMEM;
  for (bytes_ = kExemptZoneBytes; bytes_ >= size_t{1} << 28; bytes_ /= 2) {
    result =
        sys::mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!sys::is_error(result)) break;
  }
  if (!sys::is_error(result)) {
    start_ = static_cast<uint64_t>(result);
    used_ = kPageBytes;
    long allowed = sys::call(SYS_mprotect, start_ + kPageBytes, bytes_ - 2 * kPageBytes,
                             PROT_READ | PROT_WRITE);
    if (allowed < 0) result = allowed;
  }
  if (sys::is_error(result))
    return fail(int(-result), "cannot reserve address space for Belay itself: {}; raise ulimit -v",
                errno_text(int(-result)));
  sys::call(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, start_, bytes_, "belay");
  return {};
}

void ExemptZone::clear() {
  sys::call(SYS_madvise, start_ + kPageBytes, bytes_ - 2 * kPageBytes, MADV_DONTNEED);
  used_ = kPageBytes;
}

std::span<std::byte> ExemptZone::take(size_t bytes) {
  bytes = page_ceil(bytes);
  if (bytes > bytes_ - kPageBytes - used_) return {};
  auto* memory = reinterpret_cast<std::byte*>(start_ + used_);
  used_ += bytes;
  return {memory, bytes};
}

}  // namespace belay
