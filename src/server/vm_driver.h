// Snapshots of the whole virtual machine that a client runs in.
//
// A snapshot is code to whoever restores it, and QEMU checks no sums: the machine's folder is its
// user's alone. A driver finds the snapshots of the one before, also of a QEMU before.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "server/qmp.h"
#include "server/snapshot_driver.h"

namespace belay {

class VmDriver final : public SnapshotDriver {
 public:
  // Of the machine that runs in the folder (server/vm.h); one driver at a time.
  static Result<std::unique_ptr<VmDriver>> attach(const std::string& folder);

  std::string_view name() const override { return "vm"; }
  Status take(const std::string& id) override;
  Status restore(const std::string& id) override;
  Status remove(const std::string& id) override;
  std::vector<std::string> list() const override { return {ids_.begin(), ids_.end()}; }
  // QEMU was killed and started again (Vm::start_again()). Before restore() somebody is to have
  // connected to the machine's port: else its program reads the end of it.
  bool is_standing() const override { return standing_; }
  Status start_anew() override;

 private:
  explicit VmDriver(Qmp qmp) : qmp_(std::move(qmp)) {}
  Status find_snapshots();
  Status wait_for_port();
  Status known(const std::string& id) const;
  Status run(const char* command, const std::string& id, bool memory);
  Status go_on();
  Status go_on_after(const Error& failed, const std::string& id);

  Qmp qmp_;
  std::set<std::string> ids_;
  bool standing_ = false;
};

}  // namespace belay
