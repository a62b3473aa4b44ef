#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace belay {

Running::Running(const Arguments& arguments, const std::string& folder) {
  static int number = 0;
  err_path_ = folder + "/err." + std::to_string(number++);
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) abort();
  in_ = in[1];
  out_ = out[0];
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);  // so that its children can be found, and a stop signal is not an orphan's
    int err = open(err_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0 || dup2(err, 2) < 0) _exit(125);
    execv(argv[0], argv.data());
    _exit(125);
  }
  setpgid(pid_, pid_);
  close(in[0]);
  close(out[1]);
}

Running::~Running() {
  if (pid_ > 0) {
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close_input();
  close(out_);
}

std::string Running::ask(const std::string& question) {
  std::string text = question + "\n";
  EXPECT_EQ(write(in_, text.data(), text.size()), ssize_t(text.size()));
  return line();
}

void Running::close_input() {
  if (in_ >= 0) close(in_);
  in_ = -1;
}

std::string Running::line() {
  std::string line;
  char c = 0;
  while (read(out_, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

void Running::send(int signal) const { kill(pid_, signal); }

bool Running::waits_until_stopped() {
  int status = 0;
  return waitpid(pid_, &status, WUNTRACED) == pid_ && WIFSTOPPED(status);
}

Outcome Running::wait() {
  Outcome outcome;
  close_input();
  char buffer[4096];
  ssize_t n;
  while ((n = read(out_, buffer, sizeof buffer)) > 0) outcome.out.append(buffer, size_t(n));
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  kill(-pid_, SIGKILL);  // programs that it left behind
  pid_ = -1;
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  std::ifstream err(err_path_);
  outcome.err.assign(std::istreambuf_iterator<char>(err), {});
  return outcome;
}

void CommandTest::SetUp() {
  signal(SIGPIPE, SIG_IGN);  // a command that has ended is for the test to report
  std::string pattern = testing::TempDir() + "belay_cli_XXXXXX";
  folder_ = mkdtemp(pattern.data());
  for (const char* variable : {"BELAY_NAME", "BELAY_LOG", "BELAY_RUN", "BELAY_INTERVAL_MS"}) {
    unsetenv(variable);
  }
  setenv("BELAY_STORE", store().c_str(), 1);
}

void CommandTest::TearDown() {
  if (HasFailure()) {
    fprintf(stderr, "the store of this test: %s\n", store().c_str());
  } else {
    std::filesystem::remove_all(folder_);
  }
}

Arguments CommandTest::with_belay(Arguments arguments) const {
  arguments.insert(arguments.begin(), BELAY_COMMAND);
  return arguments;
}

Arguments CommandTest::run(const Arguments& options, const Arguments& program) const {
  Arguments arguments = {BELAY_COMMAND, "run"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.push_back("--");
  arguments.insert(arguments.end(), program.begin(), program.end());
  return arguments;
}

nlohmann::json CommandTest::json(const Arguments& arguments) {
  Outcome outcome = belay(arguments);
  auto parsed = nlohmann::json::parse(outcome.out, nullptr, /*allow_exceptions=*/false);
  EXPECT_FALSE(parsed.is_discarded()) << outcome.out << outcome.err;
  return parsed;
}

}  // namespace belay
