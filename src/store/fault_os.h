// Test only: a file system in memory, behind the seam. It records every change, can rebuild what a
// crash would have left of them, and fails the calls it is told to. One thread (IoMode::kInline).
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/os.h"

namespace belay {

class FaultOs final : public Os {
 public:
  using Bytes = std::vector<std::byte>;
  enum class Change { kWrite, kResize, kSync, kCreate, kUnlink, kRename, kSyncDirectory };
  struct Record {
    Change change;
    int inode = -1;
    uint64_t offset = 0;  // of a write; the new size of a resize
    Bytes data = {};
    std::string name = {}, to = {};
  };

  // What lies between data.size() and `bytes` is zeros: preallocation costs no memory.
  struct File {
    Bytes data;
    uint64_t bytes = 0;
  };

  // What to fail: called with the number and the name of each call; 0 lets it pass. A failed pwrite
  // leaves `torn_bytes` of its data behind.
  std::function<long(uint64_t number, std::string_view call)> fault;
  size_t torn_bytes = 0;
  std::vector<Record> log;
  std::map<std::string, int> names;
  std::map<int, File> inodes;

  long open(const char* path, int flags, unsigned) override {
    if (long error = strike("open")) return error;
    if ((flags & O_DIRECTORY) != 0) return new_fd(kDirectory);
    auto found = names.find(path);
    if ((flags & O_CREAT) == 0) return found == names.end() ? -ENOENT : new_fd(found->second);
    if (found != names.end()) return -EEXIST;
    return new_fd(apply({Change::kCreate, next_inode_++, 0, {}, path}));
  }
  long close(int fd) override { return fds_.erase(fd) == 1 ? 0 : -EBADF; }
  long pread(int fd, void* data, size_t bytes, uint64_t offset) override {
    if (long error = strike("pread")) return error;
    const File& file = inodes.at(fds_.at(fd));
    if (offset >= file.bytes) return 0;
    size_t n = std::min<size_t>(bytes, file.bytes - offset);
    size_t stored = offset < file.data.size() ? std::min<size_t>(n, file.data.size() - offset) : 0;
    if (stored != 0) memcpy(data, file.data.data() + offset, stored);
    memset(static_cast<std::byte*>(data) + stored, 0, n - stored);
    return long(n);
  }
  long pwrite(int fd, const void* data, size_t bytes, uint64_t offset) override {
    auto* from = static_cast<const std::byte*>(data);
    long error = strike("pwrite");
    size_t n = error == 0 ? bytes : std::min(bytes, torn_bytes);
    if (n != 0) apply({Change::kWrite, fds_.at(fd), offset, Bytes(from, from + n)});
    return error == 0 ? long(bytes) : error;
  }
  long fdatasync(int fd) override { return sync(fd, "fdatasync"); }
  long fsync(int fd) override { return sync(fd, "fsync"); }
  long fallocate(int fd, int, uint64_t offset, uint64_t bytes) override {
    if (long error = strike("fallocate")) return error;
    int inode = fds_.at(fd);
    apply({Change::kResize, inode, std::max<uint64_t>(inodes[inode].bytes, offset + bytes)});
    return 0;
  }
  long ftruncate(int fd, uint64_t bytes) override {
    if (long error = strike("ftruncate")) return error;
    apply({Change::kResize, fds_.at(fd), bytes});
    return 0;
  }
  long fstat(int fd, struct stat* out) override {
    if (long error = strike("fstat")) return error;
    *out = {};
    out->st_mode = S_IFREG | 0600;
    out->st_uid = geteuid();
    out->st_size = long(inodes.at(fds_.at(fd)).bytes);
    return 0;
  }
  long rename(const char* from, const char* to) override {
    if (long error = strike("rename")) return error;
    if (!names.contains(from)) return -ENOENT;
    apply({Change::kRename, -1, 0, {}, from, to});
    return 0;
  }
  long link(const char* from, const char* to) override {
    if (long error = strike("link")) return error;
    if (!names.contains(from)) return -ENOENT;
    if (names.contains(to)) return -EEXIST;
    apply({Change::kCreate, names.at(from), 0, {}, to});
    return 0;
  }
  long unlink(const char* path) override {
    if (long error = strike("unlink")) return error;
    if (!names.contains(path)) return -ENOENT;
    apply({Change::kUnlink, -1, 0, {}, path});
    return 0;
  }
  long mkdir(const char*, unsigned) override { return 0; }

  size_t open_fds() const { return fds_.size(); }
  uint64_t calls() const { return calls_; }

  // Performs `record` on this file system and logs it.
  int apply(Record record) {
    switch (record.change) {
      case Change::kWrite: {
        File& file = inodes[record.inode];
        uint64_t end = record.offset + record.data.size();
        file.data.resize(std::max<size_t>(file.data.size(), end));
        file.bytes = std::max(file.bytes, end);
        std::copy(record.data.begin(), record.data.end(), file.data.begin() + long(record.offset));
        break;
      }
      case Change::kResize: {
        File& file = inodes[record.inode];
        file.bytes = record.offset;
        if (file.data.size() > file.bytes) file.data.resize(file.bytes);
        break;
      }
      case Change::kCreate:
        inodes[names[record.name] = record.inode];
        break;
      case Change::kUnlink:
        names.erase(record.name);
        break;
      case Change::kRename:
        names[record.to] = names.at(record.name);
        names.erase(record.name);
        break;
      case Change::kSync:
      case Change::kSyncDirectory:
        break;
    }
    int inode = record.inode;
    log.push_back(std::move(record));
    return inode;
  }

 private:
  static constexpr int kDirectory = -2;

  long strike(std::string_view call) { return fault ? fault(calls_++, call) : 0; }
  long new_fd(int inode) {
    fds_[next_fd_] = inode;
    return next_fd_++;
  }
  long sync(int fd, std::string_view call) {
    if (long error = strike(call)) return error;
    int inode = fds_.at(fd);
    if (inode == kDirectory)
      apply({Change::kSyncDirectory});
    else
      apply({Change::kSync, inode});
    return 0;
  }

  std::map<int, int> fds_;
  int next_fd_ = 100;
  int next_inode_ = 0;
  uint64_t calls_ = 0;
};

// What survives of a change that no sync has followed: how many bytes of a write (npos: all, 0:
// nothing), whether another change has happened.
using Survival = std::function<size_t(size_t number, const FaultOs::Record&)>;
constexpr size_t kWhole = SIZE_MAX;

// The file system after a crash that follows the first `count` changes of `log`. What a sync of
// the file followed is there; the rest survives as `survival` says, a write in any order. Names
// change in the order in which they were changed, up to some point after the directory's last sync.
inline FaultOs after_crash(const std::vector<FaultOs::Record>& log, size_t count,
                           const Survival& survival) {
  using Change = FaultOs::Change;
  std::map<int, size_t> synced;
  size_t directory_synced = 0;
  for (size_t i = 0; i < count; ++i) {
    if (log[i].change == Change::kSync) synced[log[i].inode] = i;
    if (log[i].change == Change::kSyncDirectory) directory_synced = i;
  }
  FaultOs os;
  bool names_lost = false;
  for (size_t i = 0; i < count; ++i) {
    FaultOs::Record record = log[i];
    bool of_file = record.change == Change::kWrite || record.change == Change::kResize;
    bool durable =
        of_file ? synced.contains(record.inode) && i < synced[record.inode] : i < directory_synced;
    size_t kept = durable ? kWhole : survival(i, record);
    if (record.change == Change::kCreate) os.inodes[record.inode];
    if (!of_file && kept == 0) names_lost = true;
    if (!of_file && names_lost) continue;
    if (kept == 0) continue;
    if (record.change == Change::kWrite && kept < record.data.size()) record.data.resize(kept);
    os.apply(std::move(record));
  }
  return os;
}

}  // namespace belay
