// belay vm [OPTIONS] -- PROGRAM [ARGUMENTS...]
#include "server/vm.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/executable.h"
#include "cli/exit_code.h"
#include "cli/notice.h"
#include "server/guest.h"

namespace belay::cli {
namespace {
namespace fs = std::filesystem;

// How soon a Ctrl-C is seen, and the end of the machine.
constexpr long kLookNs = 50'000'000;
// A QEMU that ends sooner than this, and again when it is started again, is given up.
constexpr std::chrono::seconds kSoon{10};
constexpr int kFailuresMax = 3;

struct VmCommandOptions {
  VmOptions vm;
  GuestOptions guest;
  std::vector<std::string> command;
};

const std::map<std::string, Accelerator> kAccelerators = {
    {"auto", Accelerator::kAuto}, {"kvm", Accelerator::kKvm}, {"tcg", Accelerator::kTcg}};

std::string guest_builder() {
  std::error_code error;
  fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* path : {BELAY_BUILT_GUEST_BUILDER, BELAY_INSTALLED_GUEST_BUILDER}) {
    fs::path candidate = (here / path).lexically_normal();
    if (fs::exists(candidate, error)) return candidate.string();
  }
  throw Failure(kExitUnavailable, "build-guest is not where it was installed, beside this command");
}

// Signals that end this command are fetched, not handled, and so by no thread of the machine's.
class EndSignals {
 public:
  EndSignals() {
    sigemptyset(&signals_);
    for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, signal);
    sigprocmask(SIG_BLOCK, &signals_, &before_);
  }
  ~EndSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  // The one that has come, or 0.
  int wait() const {
    const timespec limit = {.tv_nsec = kLookNs};
    return std::max(sigtimedwait(&signals_, nullptr, &limit), 0);
  }

 private:
  sigset_t signals_, before_;
};

// Starts QEMU again when it has been killed.
class Restarts {
 public:
  std::unique_ptr<Vm> start_again(std::unique_ptr<Vm> ended) {
    failures_ = Clock::now() - began_ < kSoon ? failures_ + 1 : 1;
    const std::string words = ended->last_line();
    if (failures_ == kFailuresMax)
      throw Failure(kExitUnavailable,
                    fmt::format("vm: QEMU has ended, and not the program in it, for the {}rd time "
                                "within {} s each; last words: {}",
                                kFailuresMax, kSoon.count(), words));
    began_ = Clock::now();
    auto vm = require(Vm::start_again(std::move(ended)));
    notice(
        "vm: QEMU had ended, and not the program in it (last words: {}). It is started again, and "
        "stands until belay serve restores a snapshot",
        words);
    return vm;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point began_ = Clock::now();
  int failures_ = 0;
};

int run_machine(const VmOptions& options) {
  EndSignals signals;
  notice("vm: booting");
  auto vm = require(Vm::start(options));
  if (vm->accelerator() == "kvm") {
    notice("vm: runs on KVM");
  } else {
    notice("vm: runs under software emulation (tcg){}{}",
           vm->no_kvm().empty() ? "" : ", not KVM: ", vm->no_kvm());
  }
  notice("vm: belay serve --vm {} takes its snapshots", options.folder);
  Restarts restarts;
  for (;;) {
    if (int signal = signals.wait()) return kExitSignal + signal;
    auto status = vm->wait(std::chrono::milliseconds(0));
    if (status && *status >= 0) return *status;
    if (status) vm = restarts.start_again(std::move(vm));
  }
}

int run(VmCommandOptions options, const std::vector<std::string>& after_dashes) {
  GuestOptions& guest = options.guest;
  guest.program = options.command;
  guest.program.insert(guest.program.end(), after_dashes.begin(), after_dashes.end());
  if (guest.program.empty())
    throw Failure(kExitUsage, "which program? belay vm [OPTIONS] -- PROGRAM [ARGUMENTS...]");
  guest.program[0] = find_executable(guest.program[0]);
  guest.builder = guest_builder();
  const fs::path folder = fs::absolute(options.vm.folder).lexically_normal();
  options.vm.folder = folder;
  require(find_qemu(options.vm.qemu));
  require(make_vm_folder(folder));
  guest.output = folder / "guest";
  require(build_guest(guest));
  options.vm.kernel = folder / "guest/kernel";
  options.vm.initrd = folder / "guest/initrd";
  options.vm.console = [](std::string_view bytes) {
    fwrite(bytes.data(), 1, bytes.size(), stdout);
    fflush(stdout);
  };
  // However it ends.
  auto remove = [](const std::string* output) {
    std::error_code ignored;
    fs::remove_all(*output, ignored);
  };
  std::unique_ptr<const std::string, decltype(remove)> built(&guest.output, remove);
  return run_machine(options.vm);
}

}  // namespace

void add_vm(Parser& parser) {
  auto options = std::make_shared<VmCommandOptions>();
  options->vm.folder = fmt::format("/tmp/belay-vm-{}", geteuid());
  CLI::App* command = parser.app.add_subcommand(
      "vm", "Run a program in a virtual machine, of which a server takes snapshots");
  command->add_option("--folder", options->vm.folder, "Where its sockets and snapshots are")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--memory", options->vm.memory_mib, "MiB of memory; files are in it too")
      ->check(CLI::Range(128, 65536))
      ->capture_default_str();
  command
      ->add_option("--accel", options->vm.accelerator,
                   "kvm, tcg (software emulation), or auto: what works")
      ->transform(CLI::CheckedTransformer(kAccelerators))
      ->type_name("NAME");
  command
      ->add_option("--env", options->guest.environment, "A variable of the program's environment")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  command
      ->add_option("--file", options->guest.files,
                   "A file or folder that the program needs besides")
      ->allow_extra_args(false)
      ->type_name("PATH");
  command
      ->add_option("--cache", options->guest.cache,
                   "Where the guest's kernel is kept (default: ~/.cache/belay/guest)")
      ->type_name("DIR");
  command->add_option("PROGRAM", options->command, "The program and its arguments, after --")
      ->type_name("");
  command->callback([&parser, options] {
    parser.action = [&parser, options] { return run(std::move(*options), parser.after_dashes); };
  });
}

}  // namespace belay::cli
