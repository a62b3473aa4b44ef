// belay checkpoint NAME
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <memory>

#include "base/fd.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/instance.h"
#include "cli/notice.h"
#include "cli/store_path.h"
#include "cli/units.h"
#include "context/stop_signal.h"

namespace belay::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Between two looks at the store when nothing tells that it changed: inotify(7) is not everywhere.
constexpr int kLookMs = 250;
// After a change, so that the many writes of one checkpoint cost few looks.
constexpr int kSettleMs = 5;

struct CheckpointOptions {
  std::string store, name;
  std::string timeout = "5m";
};

// The signal ends a process that has no handler for it: one that holds the lock and is not ready.
bool catches_request(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("SigCgt:")) continue;
    uint64_t caught = std::stoull(line.substr(7), nullptr, 16);
    return (caught >> (kStopSignal - 1) & 1) != 0;
  }
  return false;
}

void send_request(const std::string& name, pid_t pid) {
  if (!catches_request(pid)) {
    throw Failure(kExitUnavailable,
                  fmt::format("{} (process {}) takes no checkpoints now: it is starting or ending",
                              name, pid));
  }
  siginfo_t info = {};
  info.si_signo = kStopSignal;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value.sival_int = kCheckpointRequestValue;
  if (syscall(SYS_rt_sigqueueinfo, pid, kStopSignal, &info) != 0) {
    throw Failure(errno == ESRCH ? kExitUnavailable : exit_code_of_errno(errno),
                  fmt::format("cannot signal {} (process {}): {}", name, pid, errno_text(errno)));
  }
}

// What changes when a request has been answered.
struct Answer {
  uint64_t sequence = 0;
  std::string refused;  // why, and when: the same reason may come twice
  std::string reason;
};

Answer look(const std::string& directory) {
  Answer answer;
  // A file may be replaced under the reader's eyes: the next look finds it whole.
  if (auto checkpoints = list_checkpoints(real_os(), directory)) {
    for (const CheckpointInfo& info : *checkpoints) {
      if (!info.problem.empty()) continue;
      answer.sequence = info.position.sequence;
      break;
    }
  }
  const std::string path = directory + "/refused";
  struct stat info = {};
  if (stat(path.c_str(), &info) == 0) {
    std::ifstream file(path);
    std::getline(file, answer.reason);
    if (answer.reason.empty()) return answer;  // it is being written
    answer.refused = fmt::format("{}.{}.{} {}", info.st_ino, info.st_mtim.tv_sec,
                                 info.st_mtim.tv_nsec, answer.reason);
  }
  return answer;
}

void wait_for_change(int inotify, int process, int timeout_ms) {
  pollfd fds[2] = {{process, POLLIN, 0}, {inotify, POLLIN, 0}};
  if (poll(fds, 2, timeout_ms) <= 0 || (fds[1].revents & POLLIN) == 0) return;
  poll(fds, 1, kSettleMs);
  char events[4096];
  while (read(inotify, events, sizeof events) > 0) {
  }
}

bool has_ended(int process) {
  pollfd fd = {process, POLLIN, 0};
  return poll(&fd, 1, 0) > 0;
}

// Returns when the store holds a newer checkpoint than `before` did.
Answer wait_for_answer(const Instance& instance, const Answer& before, int inotify, int process,
                       Clock::time_point end) {
  for (;;) {
    const bool ended = has_ended(process);  // before the look: its last act counts
    Answer now = look(instance.directory);
    if (now.sequence > before.sequence) return now;
    if (!now.refused.empty() && now.refused != before.refused) {
      throw Failure(kExitUnavailable, fmt::format("{}: {}", instance.name, now.reason));
    }
    if (ended) {
      throw Failure(kExitUnavailable,
                    fmt::format("{} ended before the checkpoint was complete", instance.name));
    }
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) {
      throw Failure(kExitBusy,
                    fmt::format("{}: no checkpoint in time; it may still come", instance.name));
    }
    wait_for_change(inotify, process, int(std::min<long>(left, kLookMs)));
  }
}

int checkpoint(const CheckpointOptions& options) {
  const auto end = Clock::now() + std::chrono::milliseconds(parse_duration_ms(options.timeout));
  Instance instance = read_instance(store_directory(options.store), options.name);
  const pid_t pid = instance.running.value_or(0);
  if (pid <= 0) {
    throw Failure(kExitUnavailable, fmt::format("{} is not running", instance.name));
  }
  Fd process(int(syscall(SYS_pidfd_open, pid, 0)));
  if (process.get() < 0) {
    throw Failure(kExitUnavailable,
                  fmt::format("{} (process {}): {}", instance.name, pid, errno_text(errno)));
  }
  Fd inotify(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  inotify_add_watch(inotify.get(), instance.directory.c_str(),
                    IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE);
  const Answer before = look(instance.directory);
  send_request(instance.name, pid);
  Answer answer = wait_for_answer(instance, before, inotify.get(), process.get(), end);
  printf("%s: checkpoint %llu\n", instance.name.c_str(), (unsigned long long)answer.sequence);
  return 0;
}

}  // namespace

void add_checkpoint(Parser& parser) {
  auto options = std::make_shared<CheckpointOptions>();
  CLI::App* command = parser.app.add_subcommand(
      "checkpoint", "Have a running program take a checkpoint, and wait until it is durable");
  add_store_option(command, &options->store);
  command->add_option("--timeout", options->timeout, "How long to wait for it")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_option("NAME", options->name, "Which one; see `belay ls`")
      ->type_name("")
      ->required();
  command->callback(
      [&parser, options] { parser.action = [options] { return checkpoint(*options); }; });
}

}  // namespace belay::cli
