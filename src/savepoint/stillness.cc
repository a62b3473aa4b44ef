#include "savepoint/stillness.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "base/page.h"
#include "base/syscall.h"

namespace belay {
namespace {

constexpr size_t kWritableMax = 1024;  // with more, a walk is the smaller part of the work
constexpr size_t kProbes = 16;

// include/uapi/linux/fs.h of Linux 6.11.
struct MappingQuery {
  uint64_t size, flags, address;
  uint64_t start, end, vma_flags, page_bytes, offset, inode;
  uint32_t device_major, device_minor, name_bytes, build_id_bytes;
  uint64_t name, build_id;
};
static_assert(sizeof(MappingQuery) == 104);
constexpr unsigned long kProcmapQuery = _IOWR('f', 17, MappingQuery);
constexpr uint64_t kQueryWritable = 2, kQueryCoveringOrNext = 16;

}  // namespace

bool Stillness::open(ExemptZone& zone) {
  own_start_ = zone.start();
  own_end_ = zone.end();
  fds_[0] = int(sys::call(SYS_openat, AT_FDCWD, "/proc/self/statm", O_RDONLY | O_CLOEXEC));
  fds_[1] = int(sys::call(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC));
  writable_ = zone.take<Writable>(kWritableMax);
  if (writable_.empty()) return false;
  works_ = counts_exactly(zone) && each_writable([](size_t, const Writable&) { return true; });
  return true;
}

void Stillness::close() {
  for (int& fd : fds_) {
    if (fd >= 0) sys::call(SYS_close, fd);
    fd = -1;
  }
}

bool Stillness::read_counts(Counts* out) const {
  rusage usage;
  if (sys::call(SYS_getrusage, RUSAGE_SELF, &usage) < 0) return false;
  out->faults = uint64_t(usage.ru_minflt) + uint64_t(usage.ru_majflt);
  char text[128];
  long n = sys::call(SYS_pread64, fds_[0], text, sizeof text - 1, 0);
  if (n <= 0) return false;
  text[n] = '\0';
  uint64_t fields[2] = {};
  const char* at = text;
  for (uint64_t& field : fields) {
    while (*at >= '0' && *at <= '9') field = field * 10 + uint64_t(*at++ - '0');
    if (*at == ' ') at++;
  }
  out->mapped = fields[0];
  out->resident = fields[1];
  return true;
}

// Kernels before 6.16 sum up what each processor has counted only now and then.
bool Stillness::counts_exactly(ExemptZone& zone) const {
  auto pages = zone.take(kProbes * kPageBytes);
  Counts before, after;
  if (pages.empty() || !read_counts(&before)) return false;
  for (size_t i = 0; i < kProbes; i++) {
    pages[i * kPageBytes] = std::byte{1};
    if (!read_counts(&after) || after.resident != before.resident + 1) return false;
    before = after;
  }
  return true;
}

template <class Visit>
bool Stillness::each_writable(Visit visit) const {
  uint64_t at = 0;
  for (size_t i = 0; i < writable_.size(); i++) {
    MappingQuery query{};
    query.size = sizeof query;
    query.flags = kQueryWritable | kQueryCoveringOrNext;
    query.address = at;
    long n = sys::call(SYS_ioctl, fds_[1], kProcmapQuery, &query);
    if (n == -ENOENT) return visit(i, Writable{});
    if (n < 0 || !visit(i, Writable{query.start, query.end, query.vma_flags})) return false;
    at = query.end;
    if (at >= own_start_ && at < own_end_) at = own_end_;
  }
  return false;
}

void Stillness::begin(Verdict since) {
  if (begun_ && since == Verdict::kStill) return;
  bool listed = (begun_ && since == Verdict::kPagesMayDiffer) ||
                (works_ && each_writable([&](size_t i, const Writable& mapping) {
                   writable_[i] = mapping;
                   return true;
                 }));
  begun_ = listed && read_counts(&counts_);
}

Stillness::Verdict Stillness::look() {
  Counts now;
  bool same_mappings = begun_ && read_counts(&now) && now.mapped == counts_.mapped &&
                       each_writable([&](size_t i, const Writable& mapping) {
                         const Writable& before = writable_[i];
                         return mapping.start == before.start && mapping.end == before.end &&
                                mapping.flags == before.flags;
                       });
  if (!same_mappings) return Verdict::kMappingsMayDiffer;
  return now == counts_ ? Verdict::kStill : Verdict::kPagesMayDiffer;
}

}  // namespace belay
