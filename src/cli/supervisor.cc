#include "cli/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "cli/exit_code.h"
#include "cli/instance.h"
#include "cli/instance_lock.h"
#include "cli/notice.h"
#include "cli/units.h"

namespace belay::cli {
namespace {

// Before the second restart in a row, doubled at each further one: time for what killed the
// program (memory running short, a full disk) to pass, and no busy loop.
constexpr unsigned kPauseMs = 100;
constexpr unsigned kPauseMsMax = 5000;

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

// Where standard output began, if it is a file: a program that starts again from there, not from a
// checkpoint that knows its length, must not leave there twice what it writes once.
class OutputStart {
 public:
  OutputStart() {
    struct stat status;
    if (fstat(STDOUT_FILENO, &status) != 0 || !S_ISREG(status.st_mode)) return;
    bool appends = (fcntl(STDOUT_FILENO, F_GETFL) & O_APPEND) != 0;
    offset_ = appends ? status.st_size : lseek(STDOUT_FILENO, 0, SEEK_CUR);
  }
  void rewind() const {
    if (offset_ < 0) return;
    if (ftruncate(STDOUT_FILENO, offset_) != 0 || lseek(STDOUT_FILENO, offset_, SEEK_SET) < 0)
      notice("standard output cannot be cut to its length at the start: {}", errno_text(errno));
  }

 private:
  off_t offset_ = -1;
};

class Supervisor {
 public:
  Supervisor(Job job, const SupervisorOptions& options)
      : job_(std::move(job)),
        options_(options),
        newest_at_start_(newest_sequence()),
        newest_(newest_at_start_) {}

  int run();

 private:
  std::optional<int> ended(int status);  // the exit code, or nothing: start it again
  int exited(int code);
  void remove_done_job();
  int stopped_by_user(int signal);
  bool may_restart(int signal);
  uint64_t newest_sequence() const;

  Job job_;
  SupervisorOptions options_;
  uint64_t newest_at_start_;
  uint64_t newest_;
  OutputStart output_;
  unsigned restarts_in_a_row_ = 0;
  std::optional<SignalRelay> relay_{std::in_place};
};

int Supervisor::run() {
  for (;;) {
    pid_t child = start(job_, *relay_);
    job_.wanted_pid = child;  // the program may have written it down
    if (std::optional<int> code = ended(relay_->wait_for(child))) return *code;
  }
}

std::optional<int> Supervisor::ended(int status) {
  if (WIFEXITED(status)) return exited(WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  if (relay_->end_requested() != 0 || relay_->received(signal)) return stopped_by_user(signal);
  if (!may_restart(signal)) return kExitSignal + signal;
  unsigned doublings = std::min(restarts_in_a_row_ - 1, 16U);
  unsigned pause = doublings == 0 ? 0 : std::min(kPauseMs << (doublings - 1), kPauseMsMax);
  if (!relay_->pause_ms(pause)) return stopped_by_user(relay_->end_requested());
  return std::nullopt;
}

int Supervisor::exited(int code) {
  if (code == 0) {
    remove_done_job();
  } else if (uint64_t newest = newest_sequence(); newest != 0) {
    notice(
        "{} exited with {}. Its checkpoints are kept: the same command goes on from number {}, "
        "with --fresh it starts anew",
        job_.name, code, newest);
  }
  return code;
}

// So that the same command begins anew. The job's result does not hang on it.
void Supervisor::remove_done_job() {
  if (access(job_.directory().c_str(), F_OK) != 0) return;
  try {
    InstanceLock lock(job_.directory());
    remove_instance(job_.directory());
  } catch (const Failure& failure) {
    notice("{} is done, but its checkpoints could not be removed: {}", job_.name, failure.what());
  }
}

int Supervisor::stopped_by_user(int signal) {
  if (uint64_t newest = newest_sequence(); newest != 0) {
    notice("{} was ended by {}. Its checkpoints are kept: the same command goes on from number {}",
           job_.name, signal_name(signal), newest);
  }
  if (relay_->received(signal)) {
    relay_.reset();
    rlimit no_core = {0, 0};  // the program has left one, if it was to
    setrlimit(RLIMIT_CORE, &no_core);
    raise(signal);
  }
  return kExitSignal + signal;
}

bool Supervisor::may_restart(int signal) {
  const uint64_t newest = newest_sequence();
  if (newest != newest_) {
    newest_ = newest;
    restarts_in_a_row_ = 0;
    job_.at_sequence = 0;  // it has come further than where the user sent it back to
  }
  const std::string killed = fmt::format("{} was killed by {}", job_.name, signal_name(signal));
  if (restarts_in_a_row_ >= options_.restarts_max) {
    notice("{}, {} times in a row without a newer checkpoint in between: giving up. {}", killed,
           restarts_in_a_row_ + 1,
           newest != 0 ? "Its checkpoints are kept" : "There is no checkpoint of it yet");
    return false;
  }
  restarts_in_a_row_++;
  const uint64_t from = job_.at_sequence != 0 ? job_.at_sequence : newest;
  job_.same_streams = from > newest_at_start_;
  if (!job_.same_streams) output_.rewind();
  if (from != 0) {
    notice("{}; it goes on from checkpoint {}", killed, from);
  } else {
    notice("{} before its first checkpoint; it starts from the beginning", killed);
  }
  return true;
}

uint64_t Supervisor::newest_sequence() const {
  auto checkpoints = list_checkpoints(real_os(), job_.directory());
  if (!checkpoints) return 0;  // the program meets the same, and says so
  for (const CheckpointInfo& info : *checkpoints) {
    if (info.problem.empty()) return info.position.sequence;
  }
  return 0;
}

}  // namespace

int supervise(Job job, const SupervisorOptions& options) {
  return Supervisor(std::move(job), options).run();
}

}  // namespace belay::cli
