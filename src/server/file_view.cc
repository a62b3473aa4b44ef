#include "server/file_view.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace belay {

Result<std::shared_ptr<FileView>> FileView::open(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat info = {};
  int code = fd < 0 || fstat(fd, &info) != 0 ? errno : 0;
  size_t bytes = code == 0 ? static_cast<size_t>(info.st_size) : 0;
  void* start = nullptr;
  if (code == 0 && bytes != 0) {
    start = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (start == MAP_FAILED) code = errno;
  }
  if (fd >= 0) close(fd);
  if (code != 0) return fail(code, "{}: {}", path, errno_text(code));
  return std::shared_ptr<FileView>(new FileView({static_cast<const std::byte*>(start), bytes}));
}

FileView::~FileView() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace belay
