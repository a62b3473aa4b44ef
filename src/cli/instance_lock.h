// The lock of an instance: the running process holds flock(LOCK_EX) on <instance>/lock and wrote
// its process id into it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace belay::cli {

// The process that runs with this instance, if any. A file left by a dead one does not count: the
// kernel has dropped its lock. 0 when it is locked and does not say by whom.
std::optional<pid_t> lock_holder(const std::string& directory);

// Keeps programs from starting with this instance while its files are removed.
// Fails (busy) while a process runs with it.
class InstanceLock {
 public:
  explicit InstanceLock(const std::string& directory);
  ~InstanceLock();
  InstanceLock(const InstanceLock&) = delete;
  InstanceLock& operator=(const InstanceLock&) = delete;

 private:
  int fd_ = -1;
};

// "train is in use by process 1234": for messages.
std::string describe_holder(const std::string& directory, pid_t holder);

}  // namespace belay::cli
