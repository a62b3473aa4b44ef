// Copying pages of this process whatever their protection is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "memory/dirty.h"
#include "memory/mappings.h"

namespace belay {

class PageReader {
 public:
  void open();
  void close();
  int fd() const { return memory_fd_; }

  // Copies from `address` while the program runs and may unmap it at any moment. Returns how many
  // bytes it got: whole pages, 0 when the first one is gone.
  size_t read_running(uint64_t address, std::span<std::byte> out) const;

  // Copies several runs in one system call, one after the other into `out`, which holds them all:
  // scattered pages cost half of what they cost one by one. Returns how many whole runs it got;
  // fewer than asked when the next one is gone, or only in part there. At most kRunsAtOnce.
  static constexpr size_t kRunsAtOnce = 256;
  size_t read_running(std::span<const PageRun> runs, std::span<std::byte> out) const;

  // Copies what a memcpy would not be allowed to read.
  void read_protected(uint64_t address, std::span<std::byte> out) const;

 private:
  int memory_fd_ = -1;  // /proc/self/mem, which reads through protection
};

// Copies while every thread stands still: plain memcpy, but for what the program itself could not
// read. Runs in ascending order.
class StoppedPages {
 public:
  StoppedPages(const PageReader& reader, std::span<const Mapping> mappings)
      : reader_(reader), mappings_(mappings) {}
  void read(const PageRun& run, std::byte* out);

 private:
  const PageReader& reader_;
  std::span<const Mapping> mappings_;
  size_t next_ = 0;
};

}  // namespace belay
