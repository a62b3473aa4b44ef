#include "server/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <vector>

namespace belay {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kTailBytes = 4096;
constexpr char kPortName[] = "belay";  // guest/init looks for it
const Qmp::Json kPortOpened = {{"open", true}, {"id", kPortName}};
constexpr char kStatusLine[] = "belay-guest: the program ended with status ";

constexpr int kQmpFd = 3, kFirstOtherFd = 4;  // in QEMU
// No guest sees the disk: only what is beyond its end is used, where snapshots are.
constexpr uint64_t kDiskBytes = 1 << 20;

std::string in_folder(const VmOptions& options, const char* name) {
  return options.folder + "/" + name;
}

std::vector<std::string> command_line(const VmOptions& options, bool kvm, bool stands) {
  auto listening = [&](const char* name) {
    // A comma ends a value, two are one.
    std::string path;
    for (char c : in_folder(options, name)) path.append(c == ',' ? 2 : 1, c);
    return fmt::format("socket,id={},path={},server=on,wait=off", name, path);
  };
  std::vector<std::string> line = {options.qemu};
  auto add = [&](std::initializer_list<std::string> words) { line.insert(line.end(), words); };
  add({"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"});
  if (stands) add({"-S"});
  // The same processor every time: a snapshot is of one kind.
  add({"-machine", "pc", "-accel", kvm ? "kvm" : "tcg", "-cpu", "max"});
  add({"-m", std::to_string(options.memory_mib)});
  add({"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"});
  add({"-kernel", options.kernel, "-initrd", options.initrd});
  // no_timer_check: on a busy host an emulated timer is late, and the kernel panics over it.
  // init_on_free: freed memory is cleared, and empty pages are nearly nothing in a snapshot, which
  // loads in 68 ms instead of 95.
  add({"-append", "console=ttyS0 quiet panic=-1 no_timer_check init_on_free=1"});
  add({"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"});
  add({"-chardev", fmt::format("socket,id=own-qmp,fd={}", kQmpFd)});
  add({"-mon", "chardev=own-qmp,mode=control"});
  add({"-chardev", listening(kVmQmp), "-mon", fmt::format("chardev={},mode=control", kVmQmp)});
  add({"-chardev", listening(kVmPort), "-device", "virtio-serial-pci"});
  add({"-device", fmt::format("virtserialport,chardev={0},name={1},id={1}", kVmPort, kPortName)});
  return line;
}

Status make_pair(Fd* ours, Fd* qemus) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return fail(errno, "no socket for a virtual machine: {}", errno_text(errno));
  *ours = Fd(pair[0]);
  *qemus = Fd(pair[1]);
  return {};
}

// In the child of a process with threads: async-signal-safe calls only. Does not return.
[[noreturn]] void become_qemu(char* const* arguments, int qmp, int console, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it has died before the call
  setsid();                             // the terminal's Ctrl-C is for the server
  // Out of the way first, since dup2() closes what is there.
  qmp = fcntl(qmp, F_DUPFD, kFirstOtherFd);
  console = fcntl(console, F_DUPFD, kFirstOtherFd);
  int input = open("/dev/null", O_RDONLY);
  dup2(input, STDIN_FILENO);
  dup2(console, STDOUT_FILENO);
  dup2(console, STDERR_FILENO);
  dup2(qmp, kQmpFd);
  close_range(kFirstOtherFd, ~0U, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvp(arguments[0], arguments);
  constexpr char kSentence[] = "this program cannot be run\n";
  if (write(STDERR_FILENO, kSentence, sizeof kSentence - 1) < 0) _exit(126);
  _exit(127);
}

// What went wrong, from what the console says: why the kernel panics, or the last line.
std::string last_line_of(std::string text) {
  const size_t panic = text.find("Kernel panic");
  if (panic != std::string::npos) text.resize(std::min(text.find('\r', panic), text.size()));
  while (!text.empty() && isspace(text.back())) text.pop_back();
  return text.substr(text.find_last_of('\n') + 1, 120);
}

}  // namespace

Status make_vm_folder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(errno, "{}: {}", path, errno_text(errno));
  struct stat info;
  if (stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    return fail(ENOTDIR, "{}: no folder", path);
  if (info.st_uid != geteuid() || (info.st_mode & 077) != 0)
    return fail(EPERM, "{}: others can reach into it (chmod 700, or name a new one)", path);
  auto running = connect_unix(path + "/" + kVmQmp);
  if (running) return fail(EBUSY, "{}: a virtual machine is running there", path);
  if (running.error().code == ENAMETOOLONG) return tl::make_unexpected(running.error());
  return {};
}

Status find_qemu(const std::string& qemu) {
  const char* path = getenv("PATH");
  std::stringstream folders(path != nullptr ? path : "/usr/bin");
  if (qemu.find('/') != std::string::npos && access(qemu.c_str(), X_OK) == 0) return {};
  for (std::string folder; std::getline(folders, folder, ':');)
    if (access((folder + "/" + qemu).c_str(), X_OK) == 0) return {};
  return fail(ENOPKG, "{} is not installed (Debian: qemu-system-x86)", qemu);
}

Result<std::unique_ptr<Vm>> Vm::start(const VmOptions& options) {
  for (const std::string& path : {options.kernel, options.initrd})
    if (access(path.c_str(), R_OK) != 0)
      return fail(errno, "{}: {} (build-guest makes it)", path, errno_text(errno));
  BELAY_TRY(find_qemu(options.qemu));
  BELAY_TRY(make_vm_folder(options.folder));
  if (options.accelerator == Accelerator::kTcg) return boot(options, false);
  auto with_kvm = boot(options, true);
  if (with_kvm || options.accelerator == Accelerator::kKvm) return with_kvm;
  auto emulated = boot(options, false);
  if (emulated) (*emulated)->no_kvm_ = with_kvm.error().text();
  return emulated;
}

Result<std::unique_ptr<Vm>> Vm::boot(const VmOptions& options, bool kvm) {
  if (kvm && access("/dev/kvm", R_OK | W_OK) != 0)
    return fail(errno, "/dev/kvm: {}", errno_text(errno));
  std::unique_ptr<Vm> vm(new Vm(options, kvm));
  vm->shows_console_ = !kvm || options.accelerator == Accelerator::kKvm;
  const auto end = Clock::now() + (kvm ? options.kvm_boot_limit : options.boot_limit);
  BELAY_TRY(vm->launch());
  BELAY_TRY(vm->open_qmp(end));
  BELAY_TRY(vm->wait_for_program(end));
  vm->show_console();
  return vm;
}

// With the accelerator of the first one: its snapshots are of that one's processor.
Result<std::unique_ptr<Vm>> Vm::start_again(std::unique_ptr<Vm> ended) {
  std::unique_ptr<Vm> vm(new Vm(ended->options_, ended->kvm_, true));
  vm->no_kvm_ = ended->no_kvm_;
  ended->leaves_snapshots_ = true;
  ended.reset();
  BELAY_TRY(vm->launch());
  BELAY_TRY(vm->open_qmp(Clock::now() + vm->options_.boot_limit));
  return vm;
}

Status Vm::launch() {
  Fd console, qmp, own_console;
  BELAY_TRY(make_pair(&qmp_socket_, &qmp));
  BELAY_TRY(make_pair(&own_console, &console));
  keeper_ =
      std::thread(&Vm::keep, this, std::move(own_console), std::move(console), std::move(qmp));
  return {};
}

void Vm::keep(Fd own_console, Fd console, Fd qmp) {
  std::vector<std::string> words = command_line(options_, kvm_, again_);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) become_qemu(arguments.data(), qmp.get(), console.get(), parent);
  const int failure = errno;
  qmp.reset();
  console.reset();
  {
    std::lock_guard lock(mutex_);
    pid_ = child;
    if (child < 0) tail_ = fmt::format("fork: {}", errno_text(failure));
  }
  if (child > 0) {
    read_console(own_console.get());
    siginfo_t info;
    while (waitid(P_PID, id_t(child), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) continue;
  }
  std::lock_guard lock(mutex_);
  if (child > 0) waitpid(child, nullptr, 0);  // from here on the number may be another's
  ended_ = true;
  changed_.notify_all();
}

void Vm::read_console(int console) {
  char bytes[4096];
  for (ssize_t got; (got = read(console, bytes, sizeof bytes)) != 0;) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    std::lock_guard lock(mutex_);
    tail_.append(bytes, size_t(got));
    if (tail_.size() > kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
    if (shows_console_ && options_.console) options_.console({bytes, size_t(got)});
  }
}

void Vm::show_console() {
  std::lock_guard lock(mutex_);
  if (!std::exchange(shows_console_, true) && options_.console) options_.console(tail_);
}

// The one that is there, of a machine that is started again; or a new one.
Status Vm::use_snapshots_file(Qmp::Clock::duration limit) {
  using Json = Qmp::Json;
  const std::string path = in_folder(options_, kVmSnapshots);
  const int made = again_ ? 0 : O_CREAT | O_TRUNC;
  if (Fd file(open(path.c_str(), O_RDWR | made | O_CLOEXEC, 0600)); file.get() < 0)
    return fail(errno, "{}: {}", path, errno_text(errno));
  // Nothing waits for the disk: snapshots don't outlive QEMU, so not a power failure either.
  const Json cache = {{"no-flush", true}};
  BELAY_TRY(qmp_->execute(
      "blockdev-add",
      {{"driver", "file"}, {"node-name", "file"}, {"filename", path}, {"cache", cache}}, limit));
  const Json format = {{"driver", "qcow2"}, {"file", "file"}, {"size", kDiskBytes}};
  if (!again_) BELAY_TRY(qmp_->run_job("blockdev-create", {{"options", format}}, limit));
  auto opened = qmp_->execute(
      "blockdev-add",
      {{"driver", "qcow2"}, {"node-name", kVmSnapshotsNode}, {"file", "file"}, {"cache", cache}},
      limit);
  if (!opened) return fail(opened.error().code, "{}: {}", path, opened.error().text());
  return {};
}

Status Vm::open_qmp(Clock::time_point end) {
  auto qmp = Qmp::open(std::move(qmp_socket_), end - Clock::now());
  if (!qmp) return ended_early(qmp.error());
  qmp_ = std::move(*qmp);
  return use_snapshots_file(end - Clock::now());
}

Status Vm::wait_for_program(Clock::time_point end) {
  for (;;) {
    auto event = qmp_->next_event(end - Clock::now());
    if (!event && event.error().code == ETIMEDOUT)
      return fail(ETIMEDOUT,
                  "the guest's program has not opened its port in time ({}); last words: {}",
                  accelerator(), last_line());
    if (!event) return ended_early(event.error());
    const std::string name = text_of(*event, "event");
    if (name == "VSERPORT_CHANGE" && member_of(*event, "data") == kPortOpened) return {};
    // "internal-error" is what KVM's failures end in.
    if (name == "STOP") {
      BELAY_ASSIGN(Qmp::Json status, qmp_->execute("query-status", {}, end - Clock::now()));
      return fail(EREMOTEIO, "QEMU ({}) has stopped the guest: {}; last words: {}", accelerator(),
                  text_of(status, "status"), last_line());
    }
  }
}

// Its last words come by another way than the news that it has ended.
tl::unexpected<Error> Vm::ended_early(const Error& how) {
  auto status = wait(std::chrono::seconds(5));
  std::string program =
      status && *status >= 0 ? fmt::format(", its program with status {}", *status) : "";
  return fail(EREMOTEIO, "{} ({}) before the guest's program opened its port{}; last words: {}",
              how.text(), accelerator(), program, last_line());
}

pid_t Vm::pid() const {
  std::lock_guard lock(mutex_);
  return pid_;
}

std::string Vm::last_words() const {
  std::lock_guard lock(mutex_);
  return tail_;
}

std::string Vm::last_line() const { return last_line_of(last_words()); }

Result<int> Vm::wait(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, limit, [this] { return ended_; }))
    return fail(ETIMEDOUT, "the virtual machine is still running");
  const size_t line = tail_.rfind(kStatusLine);
  int status = -1;
  if (line != std::string::npos)
    std::from_chars(tail_.data() + line + sizeof kStatusLine - 1, tail_.data() + tail_.size(),
                    status);
  return status;
}

Vm::~Vm() {
  {
    std::lock_guard lock(mutex_);
    if (pid_ > 0 && !ended_) kill(pid_, SIGKILL);
  }
  if (!keeper_.joinable()) return;
  keeper_.join();
  for (const char* name : {kVmPort, kVmQmp}) unlink(in_folder(options_, name).c_str());
  if (!leaves_snapshots_) unlink(in_folder(options_, kVmSnapshots).c_str());
}

}  // namespace belay
