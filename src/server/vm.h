// A virtual machine in QEMU: one program in it, a serial port to that program, a console, and no
// other way in or out: no network, no disk of the host's.
//
//   BELAY_ASSIGN(auto vm, Vm::start({.folder = "vm", .kernel = "kernel", .initrd = "initrd"}));
//   connect to vm/port           // what the program writes to its port, and reads from it
//   VmDriver::attach("vm")       // snapshots (server/vm_driver.h)
//
// src/server/guest/build-guest makes kernel and initrd. A Vm is used from one thread at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/error.h"
#include "base/fd.h"
#include "server/qmp.h"

namespace belay {

// Makes the folder, or sees whether it is the user's alone: a socket in it is a way into the
// machine, and a snapshot is code. EPERM; EBUSY: a machine runs there.
Status make_vm_folder(const std::string& path);

// ENOPKG: `qemu`, a path or a name, is not installed.
Status find_qemu(const std::string& qemu);

enum class Accelerator {
  kAuto,  // KVM if the guest boots with it, software emulation otherwise
  kKvm,
  kTcg,
};

// In the machine's folder.
constexpr char kVmPort[] = "port";  // Unix socket: the program's port
constexpr char kVmQmp[] = "qmp";    // Unix socket: for the snapshot driver
constexpr char kVmSnapshots[] = "snapshots.qcow2";
constexpr char kVmSnapshotsNode[] = "snapshots";  // QEMU's name for that file

struct VmOptions {
  std::string folder;  // make_vm_folder() is called
  std::string kernel, initrd;
  Accelerator accelerator = Accelerator::kAuto;
  unsigned memory_mib = 256;  // a snapshot looks at all of it; the kernel needs some 80
  // From QEMU's start until the program opens its port: 4 to 6 s under emulation on a machine with
  // nothing else to do, and three times as much on a busy one.
  std::chrono::seconds kvm_boot_limit{15};
  std::chrono::seconds boot_limit{120};
  std::string qemu = "qemu-system-x86_64";
  // What the guest and QEMU print, as it comes, from a thread of the Vm's. Calls nothing of the Vm.
  std::function<void(std::string_view)> console;
};

class Vm {
 public:
  // Returns when the program has opened its port. As make_vm_folder() and find_qemu(); ETIMEDOUT;
  // EREMOTEIO: QEMU or the guest has ended before, and the sentence has its last words.
  static Result<std::unique_ptr<Vm>> start(const VmOptions& options);
  // QEMU has ended, and not by the program: it is started again, beside the snapshots that it has
  // left, and stands until a driver restores one of them (SnapshotDriver::is_standing()).
  // EREMOTEIO: QEMU ends again, or can't read the file.
  static Result<std::unique_ptr<Vm>> start_again(std::unique_ptr<Vm> ended);
  ~Vm();  // ends it, and its snapshots

  std::string_view accelerator() const { return kvm_ ? "kvm" : "tcg"; }
  // Why not KVM, where emulation was chosen instead of it; or "".
  const std::string& no_kvm() const { return no_kvm_; }
  pid_t pid() const;            // of QEMU
  Qmp& qmp() { return *qmp_; }  // another connection than the driver's

  // The last lines of the console.
  std::string last_words() const;
  // The last of them, or why the kernel has panicked.
  std::string last_line() const;
  // Waits until the machine is off, and returns the exit status of the program, 128 + N for signal
  // N; -1: the machine has ended without saying one.
  Result<int> wait(std::chrono::milliseconds limit);

 private:
  Vm(const VmOptions& options, bool kvm, bool again = false)
      : options_(options), kvm_(kvm), again_(again) {}
  static Result<std::unique_ptr<Vm>> boot(const VmOptions& options, bool kvm);
  Status launch();
  Status open_qmp(Qmp::Clock::time_point end);
  Status use_snapshots_file(Qmp::Clock::duration limit);
  Status wait_for_program(std::chrono::steady_clock::time_point end);
  void keep(Fd own_console, Fd console, Fd qmp);
  void read_console(int console);
  void show_console();
  tl::unexpected<Error> ended_early(const Error& how);

  VmOptions options_;
  bool kvm_, again_;
  bool leaves_snapshots_ = false;  // to the one that is started again
  std::string no_kvm_;
  Fd qmp_socket_;
  std::optional<Qmp> qmp_;

  // Forks QEMU, reads its console and waits for its end: a thread, since the kernel ends a child
  // with the thread that has asked for it (PR_SET_PDEATHSIG), so that no QEMU outlives its server.
  std::thread keeper_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  pid_t pid_ = 0;
  bool ended_ = false;
  std::string tail_;           // of the console
  bool shows_console_ = true;  // false: KVM is tried, and need not be seen to fail
};

}  // namespace belay
