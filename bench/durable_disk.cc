#include "durable_disk.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace belay::bench {
namespace {

constexpr size_t kPieceBytes = 8 << 20, kStepBytes = 128 << 20;

// On huge pages, as the engine's buffers are: O_DIRECT pins them.
char* piece() {
  static char* memory = [] {
    size_t huge = 2 << 20;
    void* found = mmap(nullptr, kPieceBytes + huge, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    auto start = (reinterpret_cast<uintptr_t>(found) + huge - 1) & ~(huge - 1);
    auto* aligned = reinterpret_cast<char*>(start);
    madvise(aligned, kPieceBytes, MADV_HUGEPAGE);
    memset(aligned, 0x5a, kPieceBytes);
    return aligned;
  }();
  return memory;
}

class NewFile {
 public:
  NewFile(const std::string& directory, int flags)
      : path_(directory + "/plain"), fd_(open(path_.c_str(), O_WRONLY | O_CREAT | flags, 0600)) {}
  ~NewFile() {
    if (fd_ >= 0) close(fd_);
    unlink(path_.c_str());
  }
  int fd() const { return fd_; }

 private:
  std::string path_;
  int fd_;
};

double seconds_since(uint64_t start_ns) { return double(now_ns() - start_ns) * 1e-9; }

template <class Function>
void for_each_file(const std::string& directory, Function function) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    int fd = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    function(fd);
    close(fd);
  }
}

}  // namespace

double write_sequentially(const std::string& directory, size_t bytes) {
  bytes = (bytes + 4095) & ~size_t{4095};
  char* data = piece();
  uint64_t start = now_ns();
  NewFile file(directory, O_DIRECT);
  if (file.fd() < 0) return -1;
  for (size_t at = 0; at < bytes;) {
    if (at % kStepBytes == 0 && fallocate(file.fd(), 0, off_t(at), kStepBytes) != 0) return -1;
    ssize_t n = pwrite(file.fd(), data, std::min(kPieceBytes, bytes - at), off_t(at));
    if (n <= 0) return -1;
    at += size_t(n);
  }
  if (ftruncate(file.fd(), off_t(bytes)) != 0 || fdatasync(file.fd()) != 0) return -1;
  return seconds_since(start);
}

double write_heap(const std::string& directory, const BenchHeap& heap) {
  uint64_t start = now_ns();
  NewFile file(directory, O_TRUNC);
  if (file.fd() < 0) return -1;
  const auto& blocks = heap.blocks();
  for (size_t i = 0; i < blocks.size();) {
    iovec parts[128];
    int count = 0;
    for (; count < 128 && i < blocks.size(); ++count)
      parts[count] = {blocks[i++], BenchHeap::kBlockBytes};
    if (writev(file.fd(), parts, count) != ssize_t(count * BenchHeap::kBlockBytes)) return -1;
  }
  return fdatasync(file.fd()) == 0 ? seconds_since(start) : -1;
}

double read_files(const std::string& directory) {
  char* data = piece();
  uint64_t start = now_ns();
  for_each_file(directory, [&](int fd) {
    while (read(fd, data, kPieceBytes) > 0) {
    }
  });
  return seconds_since(start);
}

void forget_files(const std::string& directory) {
  for_each_file(directory, [](int fd) {
    fdatasync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  });
}

}  // namespace belay::bench
