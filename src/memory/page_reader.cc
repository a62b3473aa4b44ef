#include "memory/page_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

#include "base/page.h"
#include "base/syscall.h"

namespace belay {

void PageReader::open() {
  memory_fd_ = int(sys::call(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDONLY | O_CLOEXEC));
}

void PageReader::close() {
  if (memory_fd_ >= 0) sys::call(SYS_close, memory_fd_);
  memory_fd_ = -1;
}

size_t PageReader::read_running(uint64_t address, std::span<std::byte> out) const {
  iovec local{out.data(), out.size()};
  iovec remote{reinterpret_cast<void*>(address), out.size()};
  long n = sys::call(SYS_process_vm_readv, sys::getpid(), &local, 1, &remote, 1, 0);
  if (n < long(kPageBytes)) n = sys::call(SYS_pread64, memory_fd_, out.data(), out.size(), address);
  return n > 0 ? page_floor(uint64_t(n)) : 0;
}

size_t PageReader::read_running(std::span<const PageRun> runs, std::span<std::byte> out) const {
  iovec remote[kRunsAtOnce];
  size_t count = std::min(runs.size(), kRunsAtOnce);
  for (size_t i = 0; i < count; i++)
    remote[i] = {reinterpret_cast<void*>(runs[i].start), runs[i].page_count * kPageBytes};
  iovec local{out.data(), out.size()};
  long left = sys::call(SYS_process_vm_readv, sys::getpid(), &local, 1, remote, count, 0);
  size_t whole = 0;
  for (; whole < count && left >= long(remote[whole].iov_len); whole++)
    left -= long(remote[whole].iov_len);
  return whole;
}

void PageReader::read_protected(uint64_t address, std::span<std::byte> out) const {
  // Page by page: one beyond the end of a file is unreadable for everybody, and reads as zeros.
  for (size_t at = 0; at < out.size(); at += kPageBytes)
    if (sys::call(SYS_pread64, memory_fd_, out.data() + at, kPageBytes, address + at) !=
        long(kPageBytes))
      memset(out.data() + at, 0, kPageBytes);
}

void StoppedPages::read(const PageRun& run, std::byte* out) {
  uint64_t at = run.start;
  while (at < run.end()) {
    while (next_ < mappings_.size() && mappings_[next_].end <= at) next_++;
    if (next_ == mappings_.size()) return;
    const Mapping& mapping = mappings_[next_];
    uint64_t end = std::min(run.end(), mapping.end);
    std::span<std::byte> piece(out + (at - run.start), end - at);
    bool plain = (mapping.protection & PROT_READ) != 0 && !mapping.name().ends_with("(deleted)");
    if (plain)
      memcpy(piece.data(), reinterpret_cast<const void*>(at), piece.size());
    else
      reader_.read_protected(at, piece);
    at = end;
  }
}

}  // namespace belay
