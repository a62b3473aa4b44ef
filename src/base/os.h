// The seam: every system call that the durability of a store depends on goes through an Os, so that
// a test can fail, tear or reorder each one. All calls are thread-safe, allocate nothing, use no
// thread-local storage, and return -errno on failure (EINTR is retried inside).
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace belay {

class Os {
 public:
  virtual ~Os() = default;

  virtual long open(const char* path, int flags, unsigned mode) = 0;
  virtual long close(int fd) = 0;
  // Whole transfers: short ones are continued; a read that ends early returns what there was.
  virtual long pread(int fd, void* data, size_t bytes, uint64_t offset) = 0;
  virtual long pwrite(int fd, const void* data, size_t bytes, uint64_t offset) = 0;
  virtual long fdatasync(int fd) = 0;
  virtual long fsync(int fd) = 0;  // of a directory too
  virtual long fallocate(int fd, int mode, uint64_t offset, uint64_t bytes) = 0;
  virtual long ftruncate(int fd, uint64_t bytes) = 0;
  virtual long fstat(int fd, struct stat* out) = 0;
  virtual long rename(const char* from, const char* to) = 0;
  virtual long link(const char* from, const char* to) = 0;
  virtual long unlink(const char* path) = 0;
  virtual long mkdir(const char* path, unsigned mode) = 0;
};

// The kernel itself.
Os& real_os();

// "PATH: why", of a result below 0.
tl::unexpected<Error> call_failed(long result, std::string_view path);
// What was made, renamed or removed in a folder is so after a power failure too.
Status sync_folder(Os& os, const char* path);

}  // namespace belay
