#include "cli/job.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/exit_code.h"
#include "cli/preload.h"

namespace belay::cli {
namespace {

// What libbelay's constructor reads. BELAY_RUN names the one process that it acts in: the
// program's own children inherit the environment and are none of ours.
void set_environment(const Job& job, const std::string& preload) {
  setenv("LD_PRELOAD", preload.c_str(), 1);
  setenv("BELAY_RUN", fmt::format("{}", getpid()).c_str(), 1);
  setenv("BELAY_STORE", job.store.c_str(), 1);
  setenv("BELAY_NAME", job.name.c_str(), 1);
  for (const auto& [variable, value] : job.environment) setenv(variable.c_str(), value.c_str(), 1);
  if (job.at_sequence != 0) {
    setenv("BELAY_RESTORE_SEQUENCE", fmt::format("{}", job.at_sequence).c_str(), 1);
  } else {
    unsetenv("BELAY_RESTORE_SEQUENCE");
  }
  // Standard streams that are files go back to their length at the checkpoint.
  if (job.same_streams) {
    setenv("BELAY_RESTART", "1", 1);
  } else {
    unsetenv("BELAY_RESTART");
  }
}

// Returns the errno of what failed.
int become(const Job& job, const std::string& preload) {
  set_environment(job, preload);
  if (!job.working_directory.empty() && chdir(job.working_directory.c_str()) != 0) return errno;
  std::vector<char*> argv;
  for (const std::string& argument : job.arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  execv(job.executable.c_str(), argv.data());
  return errno;
}

// fork(), with the process id asked for where the kernel gives it: to root and
// CAP_CHECKPOINT_RESTORE, while nobody else has it.
pid_t fork_as(pid_t wanted) {
  if (wanted == 0) return fork();
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<uint64_t>(&wanted);
  arguments.set_tid_size = 1;
  const auto child = pid_t(syscall(SYS_clone3, &arguments, sizeof arguments));
  return child < 0 ? fork() : child;
}

Failure cannot_execute(const Job& job, int code) {
  return Failure(code == ENOENT ? kExitNotFound : kExitCannotExecute,
                 fmt::format("{}: {}", job.executable, errno_text(code)));
}

}  // namespace

void execute(const Job& job) {
  throw cannot_execute(job, become(job, preload_value(preload_library())));
}

pid_t start(const Job& job, const SignalRelay& relay) {
  const std::string preload = preload_value(preload_library());
  int report[2];  // closed by a successful exec; otherwise it says why there was none
  if (pipe2(report, O_CLOEXEC) != 0) {
    throw Failure(kExitUnavailable, fmt::format("pipe: {}", errno_text(errno)));
  }
  const pid_t supervisor = getpid();
  const pid_t child = fork_as(job.wanted_pid);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor) _exit(kExitSignal + SIGKILL);  // it died before the line above
    relay.restore_original();
    int code = become(job, preload);
    ssize_t written = write(report[1], &code, sizeof code);
    _exit(written == sizeof code ? kExitCannotExecute : kExitUnavailable);
  }
  close(report[1]);
  int code = child < 0 ? errno : 0;
  if (child > 0 && read(report[0], &code, sizeof code) == sizeof code) {
    waitpid(child, nullptr, 0);
  }
  close(report[0]);
  if (child < 0) throw Failure(kExitUnavailable, fmt::format("fork: {}", errno_text(code)));
  if (code != 0) throw cannot_execute(job, code);
  return child;
}

}  // namespace belay::cli
