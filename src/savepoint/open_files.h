// Open files at a savepoint, and as a rollback finds them. Allocates nothing but from its pool.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"
#include "savepoint/block_pool.h"

namespace belay {

struct OpenFile {
  int fd = -1;
  uint32_t mode = 0;  // st_mode
  uint64_t device = 0, inode = 0;
  int64_t offset = -1;  // -1: none
  int flags = 0;        // F_GETFL
  uint32_t path = 0;    // in the table's text; only of files that have an offset

  bool same_file(const OpenFile& other) const {
    return fd == other.fd && mode == other.mode && device == other.device && inode == other.inode;
  }
};

// Shared between savepoints that found the same.
struct FileTable {
  uint32_t owners = 0;
  uint32_t count = 0;
  uint64_t text_bytes = 0;

  std::span<OpenFile> files() { return {reinterpret_cast<OpenFile*>(this + 1), count}; }
  char* text() { return reinterpret_cast<char*>(this + 1) + count * sizeof(OpenFile); }
  size_t bytes() const { return sizeof(FileTable) + count * sizeof(OpenFile) + text_bytes; }
};

class OpenFiles {
 public:
  static constexpr int kOwnMax = 16;

  // `own`: descriptors that are none of the program's.
  void open(std::span<const int> own, BlockPool& pool);
  void close();
  // One of the program's that is to stay as it is. Fails with EBADF, ENOSPC.
  Status exempt(int fd);

  std::span<const int> own() const { return {own_, own_count_}; }

  // What is open now; `known` itself, with one more owner, when that is the same.
  Result<FileTable*> read(FileTable* known);
  void drop(FileTable* table);

  // Whether restore() can do it all; changes nothing. `*same`: the same files are open, offsets
  // aside, which restore() wants to know.
  Status check(FileTable& goal, bool* same);
  void restore(FileTable& goal, bool same);

 private:
  bool is_own(int fd) const;
  bool same_files(FileTable& table) const;
  Result<FileTable*> read_anew();
  bool look_at(int fd, OpenFile* out) const;
  void close_newer(FileTable& goal);

  BlockPool* pool_ = nullptr;
  int directory_fd_ = -1;  // /proc/self/fd
  int own_[kOwnMax] = {};
  size_t own_count_ = 0;
};

}  // namespace belay
