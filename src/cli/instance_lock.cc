#include "cli/instance_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "cli/exit_code.h"

namespace belay::cli {
namespace {

pid_t pid_in(int fd) {
  char text[32] = {};
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  return n > 0 ? pid_t(atol(text)) : 0;
}

// Somebody may have removed the folder between our open and our flock: a lock on a file that has
// no name any more keeps nobody out.
bool still_there(int fd, const std::string& path) {
  struct stat opened = {}, named = {};
  return fstat(fd, &opened) == 0 && stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace

std::optional<pid_t> lock_holder(const std::string& directory) {
  int fd = open((directory + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::optional<pid_t> holder;
  // Shared, so that two who look do not see each other.
  if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) holder = pid_in(fd);
  close(fd);
  return holder;
}

InstanceLock::InstanceLock(const std::string& directory) {
  const std::string path = directory + "/lock";
  for (;;) {
    fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) {
      throw Failure(exit_code_of_errno(errno), fmt::format("{}: {}", path, errno_text(errno)));
    }
    if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      pid_t holder = pid_in(fd_);
      close(fd_);
      throw Failure(kExitBusy, describe_holder(directory, holder));
    }
    if (still_there(fd_, path)) return;
    close(fd_);
  }
}

InstanceLock::~InstanceLock() { close(fd_); }

std::string describe_holder(const std::string& directory, pid_t holder) {
  std::string name = std::filesystem::path(directory).filename().string();
  if (holder == 0) return fmt::format("{} is in use by another process ({})", name, directory);
  return fmt::format("{} is in use by process {} ({})", name, holder, directory);
}

}  // namespace belay::cli
