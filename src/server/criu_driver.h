// Images of a client by CRIU: nothing of Belay's is in the program but the few calls with which it
// steps aside. It has no connection meanwhile, since CRIU takes no half of a socket.
//
// An image is code, and CRIU checks no sums: the folder is its user's alone, and each file of an
// image is checked before anything else is done. The program comes back under its old process id,
// so it is ended first; it gets the standard streams that it had by then.
#pragma once

#include <array>

#include "base/fd.h"
#include "server/snapshot_driver.h"

namespace belay {

// Tries it: ENOTSUP, with what it says, where it does not run on this kernel, or not for this user.
Status check_criu(const std::string& program);

class CriuDriver final : public SnapshotDriver {
 public:
  CriuDriver(std::string program, std::string folder)
      : program_(std::move(program)), folder_(std::move(folder)) {}

  std::string_view name() const override { return "criu"; }
  Status take(const std::string& id) override;
  Status restore(const std::string& id) override;
  Status remove(const std::string& id) override;
  std::vector<std::string> list() const override;
  uint64_t bytes_of(const std::string& id) const override;
  void attend(pid_t process, pid_t thread) override;
  void wake() override;
  bool outlives_client() const override { return true; }

 private:
  std::string image(const std::string& id) const { return folder_ + "/" + id; }

  std::string program_, folder_;
  pid_t process_ = 0, thread_ = 0;
};

}  // namespace belay
