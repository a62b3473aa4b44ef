// Test only: real files, behind the seam. The call with a number ends the process, by SIGKILL or as
// a power cut would, or fails.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "base/os.h"

namespace belay {

class StrikingOs final : public Os {
 public:
  enum class Strike { kKill, kPowerCut, kFullDisk };
  static constexpr uint64_t kNever = UINT64_MAX;

  // `undo`: a folder for what a power cut brings back, on the same file system.
  StrikingOs(Strike strike, uint64_t number, std::string undo, std::atomic<uint64_t>& calls)
      : strike_(strike), number_(number), undo_(std::move(undo)), calls_(calls) {}

  // Something else than a system call that a process may die before.
  Status pass() {
    if (comes()) return fail(ENOSPC, "No space left on device");
    return {};
  }

  long open(const char* path, int flags, unsigned mode) override {
    if ((flags & O_CREAT) != 0 && comes()) return -ENOSPC;
    long fd = real_os().open(path, flags, mode);
    std::lock_guard lock(mutex_);
    if (fd >= 0 && (flags & O_DIRECTORY) != 0) folders_[int(fd)] = path;
    return fd;
  }
  long close(int fd) override {
    std::lock_guard lock(mutex_);
    folders_.erase(fd);
    if (auto found = unsynced_.find(fd); found != unsynced_.end()) {
      lost_.push_back(found->second);
      unsynced_.erase(found);
    }
    return real_os().close(fd);
  }
  long pread(int fd, void* data, size_t bytes, uint64_t offset) override {
    return real_os().pread(fd, data, bytes, offset);
  }
  // Torn where the process ends, and where the disk is full.
  long pwrite(int fd, const void* data, size_t bytes, uint64_t offset) override {
    if (cuts()) {
      std::lock_guard lock(mutex_);
      if (!unsynced_.contains(fd)) unsynced_[fd] = dup(fd);
    }
    if (number_ == calls_) real_os().pwrite(fd, data, bytes / 2, offset);
    if (comes()) return -ENOSPC;
    return real_os().pwrite(fd, data, bytes, offset);
  }
  long fdatasync(int fd) override {
    if (comes()) return -ENOSPC;
    std::lock_guard lock(mutex_);
    if (auto found = unsynced_.find(fd); found != unsynced_.end()) {
      ::close(found->second);
      unsynced_.erase(found);
    }
    return 0;  // nothing here depends on the disk
  }
  long fsync(int fd) override {
    if (comes()) return -ENOSPC;
    std::lock_guard lock(mutex_);
    const std::string& folder = folders_.at(fd);
    std::erase_if(renames_, [&](const Rename& change) { return parent(change.to) == folder; });
    std::erase_if(made_, [&](const std::string& path) { return parent(path) == folder; });
    return 0;
  }
  long fallocate(int fd, int mode, uint64_t offset, uint64_t bytes) override {
    return real_os().fallocate(fd, mode, offset, bytes);
  }
  long ftruncate(int fd, uint64_t bytes) override { return real_os().ftruncate(fd, bytes); }
  long fstat(int fd, struct stat* out) override { return real_os().fstat(fd, out); }
  long rename(const char* from, const char* to) override {
    if (comes()) return -ENOSPC;
    std::lock_guard lock(mutex_);
    if (cuts()) {
      std::string old = undo_ + "/" + std::to_string(renames_made_++);
      bool replaces = ::link(to, old.c_str()) == 0;
      renames_.push_back({from, to, replaces ? old : ""});
    }
    return real_os().rename(from, to);
  }
  long link(const char*, const char*) override { return -ENOSYS; }  // the server makes none
  long unlink(const char* path) override {
    if (comes()) return -ENOSPC;
    return real_os().unlink(path);
  }
  long mkdir(const char* path, unsigned mode) override {
    if (comes()) return -ENOSPC;
    long result = real_os().mkdir(path, mode);
    std::lock_guard lock(mutex_);
    if (cuts() && result == 0) made_.push_back(path);
    return result;
  }

 private:
  struct Rename {
    std::string from, to, old;  // old: what it has replaced
  };

  static std::string parent(const std::string& path) {
    return std::filesystem::path(path).parent_path();
  }
  bool cuts() const { return strike_ == Strike::kPowerCut; }
  // The call that is meant; true: it fails.
  bool comes() {
    if (calls_++ != number_) return false;
    if (strike_ == Strike::kFullDisk) return true;
    if (cuts()) lose_unsynced();
    raise(SIGKILL);
    return true;
  }
  // Whatever nobody has synced is as it was.
  void lose_unsynced() {
    std::lock_guard lock(mutex_);
    for (const auto& [fd, copy] : unsynced_) lost_.push_back(copy);
    for (int fd : lost_)
      if (::ftruncate(fd, 0) != 0) _exit(1);
    for (auto change = renames_.rbegin(); change != renames_.rend(); ++change) {
      std::filesystem::rename(change->to, change->from);
      if (!change->old.empty()) std::filesystem::rename(change->old, change->to);
    }
    for (const std::string& path : made_) std::filesystem::remove_all(path);
  }

  const Strike strike_;
  const uint64_t number_;
  const std::string undo_;
  std::atomic<uint64_t>& calls_;
  std::mutex mutex_;
  std::map<int, std::string> folders_;
  std::map<int, int> unsynced_;  // by descriptor, a second one of the same file
  std::vector<int> lost_;        // closed before it was synced
  std::vector<Rename> renames_;
  size_t renames_made_ = 0;
  std::vector<std::string> made_;
};

}  // namespace belay
