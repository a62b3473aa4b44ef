#include "base/os.h"

#include <errno.h>
#include <fcntl.h>

#include "base/syscall.h"

namespace belay {
namespace {

template <class Call>
long retry(Call call) {
  long result;
  do result = call();
  while (result == -EINTR);
  return result;
}

// Continues short transfers until `bytes` are through, an error, or the end of the file.
template <class Step>
long whole(size_t bytes, Step step) {
  size_t done = 0;
  while (done < bytes) {
    long n = retry([&] { return step(done); });
    if (n < 0) return n;
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return static_cast<long>(done);
}

class KernelOs final : public Os {
 public:
  long open(const char* path, int flags, unsigned mode) override {
    return retry([&] { return sys::call(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode); });
  }
  long close(int fd) override { return sys::call(SYS_close, fd); }
  long pread(int fd, void* data, size_t bytes, uint64_t offset) override {
    return whole(bytes, [&](size_t done) {
      return sys::call(SYS_pread64, fd, static_cast<char*>(data) + done, bytes - done,
                       offset + done);
    });
  }
  long pwrite(int fd, const void* data, size_t bytes, uint64_t offset) override {
    long n = whole(bytes, [&](size_t done) {
      return sys::call(SYS_pwrite64, fd, static_cast<const char*>(data) + done, bytes - done,
                       offset + done);
    });
    return n >= 0 && static_cast<size_t>(n) != bytes ? -EIO : n;
  }
  long fdatasync(int fd) override {
    return retry([&] { return sys::call(SYS_fdatasync, fd); });
  }
  long fsync(int fd) override {
    return retry([&] { return sys::call(SYS_fsync, fd); });
  }
  long fallocate(int fd, int mode, uint64_t offset, uint64_t bytes) override {
    return retry([&] { return sys::call(SYS_fallocate, fd, mode, offset, bytes); });
  }
  long ftruncate(int fd, uint64_t bytes) override {
    return retry([&] { return sys::call(SYS_ftruncate, fd, bytes); });
  }
  long fstat(int fd, struct stat* out) override { return sys::call(SYS_fstat, fd, out); }
  long rename(const char* from, const char* to) override { return sys::call(SYS_rename, from, to); }
  long link(const char* from, const char* to) override { return sys::call(SYS_link, from, to); }
  long unlink(const char* path) override { return sys::call(SYS_unlink, path); }
  long mkdir(const char* path, unsigned mode) override { return sys::call(SYS_mkdir, path, mode); }
};

}  // namespace

Os& real_os() {
  static constinit KernelOs os;
  return os;
}

tl::unexpected<Error> call_failed(long result, std::string_view path) {
  return fail(int(-result), "{}: {}", path, errno_text(int(-result)));
}

Status sync_folder(Os& os, const char* path) {
  long fd = os.open(path, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) return call_failed(fd, path);
  long result = os.fsync(int(fd));
  os.close(int(fd));
  if (result < 0) return call_failed(result, path);
  return {};
}

}  // namespace belay
