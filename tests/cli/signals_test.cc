// Goal: a signal reaches the program exactly once, whether it was sent to the command or typed at
// the terminal; an end that the user asked for is no crash; nobody is left behind.
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "command.h"

namespace belay {
namespace {

class Signals : public CommandTest {
 protected:
  Arguments victim() const { return run({"--every", "never"}, {BELAY_SIGNAL_VICTIM}); }
};

pid_t ready_pid(const std::string& line) {
  EXPECT_TRUE(line.starts_with("ready ")) << line;
  return pid_t(atol(line.substr(5).c_str()));
}

char state_of(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  size_t name_end = text.rfind(") ");
  return name_end != std::string::npos ? text[name_end + 2] : '\0';
}

TEST_F(Signals, SentToTheCommandReachTheProgramOnce) {
  Running command(victim(), folder_);
  ready_pid(command.line());
  for (auto [signal, name] : {std::pair(SIGUSR1, "USR1"), std::pair(SIGUSR2, "USR2"),
                              std::pair(SIGHUP, "HUP"), std::pair(SIGINT, "INT")}) {
    command.send(signal);
    EXPECT_EQ(command.line(), name);
  }
  command.send(SIGQUIT);
  EXPECT_EQ(command.line(), "QUIT");
  command.send(SIGQUIT);
  Outcome outcome = command.wait();
  EXPECT_EQ(outcome.out, "QUIT\n");
  EXPECT_EQ(outcome.exit_code, 9) << outcome.err;
}

TEST_F(Signals, TypedAtTheTerminalReachTheProgramOnce) {
  Arguments arguments = victim();
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int terminal = -1;
  pid_t pid = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid == 0) {
    execv(argv[0], argv.data());
    _exit(125);
  }
  std::string seen;
  auto wait_for = [&](const std::string& word) {
    char c = 0;
    while (seen.find(word) == std::string::npos && read(terminal, &c, 1) == 1) seen += c;
  };
  wait_for("ready");
  ASSERT_EQ(write(terminal, "\x03", 1), 1);  // Ctrl-C
  wait_for("INT");
  ASSERT_EQ(write(terminal, "\x1c", 1), 1);  // Ctrl-backslash
  wait_for("QUIT");
  // Had the command passed them on too, the second SIGQUIT would be there, and this needless.
  ASSERT_EQ(write(terminal, "\x1c", 1), 1);
  char c = 0;
  while (read(terminal, &c, 1) == 1) seen += c;
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  close(terminal);
  size_t first = seen.find("INT");
  EXPECT_EQ(seen.find("INT", first + 1), std::string::npos) << seen;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 9) << seen;
}

TEST_F(Signals, AnEndThatTheUserAskedForIsNoCrash) {
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
    Running command(run({"--every", "never"}, {BELAY_SIGNAL_VICTIM, "plain"}), folder_);
    ready_pid(command.line());
    command.send(signal);
    Outcome outcome = command.wait();
    EXPECT_EQ(outcome.out, "") << "started again after " << strsignal(signal);
    EXPECT_EQ(outcome.signal, signal) << "whoever started it sees what ended it";
  }
}

// As the kernel does when memory runs out: nobody asked for it.
TEST_F(Signals, OneThatOnlyTheProgramGotIsACrash) {
  Running command(run({"--every", "never"}, {BELAY_SIGNAL_VICTIM, "plain"}), folder_);
  pid_t first = ready_pid(command.line());
  kill(first, SIGTERM);
  EXPECT_GT(ready_pid(command.line()), 0) << "started again, where it may with the same id";
}

TEST_F(Signals, StopAndContinueTogether) {
  Running command(victim(), folder_);
  pid_t program = ready_pid(command.line());
  command.send(SIGTSTP);
  ASSERT_TRUE(command.waits_until_stopped());
  while (state_of(program) != 'T') sched_yield();  // the test's time limit ends a wait in vain
  command.send(SIGCONT);
  EXPECT_EQ(command.line(), "CONT");
}

TEST_F(Signals, AKilledCommandTakesTheProgramWithIt) {
  Running command(victim(), folder_);
  ready_pid(command.line());
  command.send(SIGKILL);
  EXPECT_EQ(command.line(), "") << "the program's end of the pipe is closed, since it is gone";
}

TEST_F(Signals, IgnoredOnesStayIgnored) {
  signal(SIGHUP, SIG_IGN);
  Running command(run({"--every", "never"}, {"/bin/sh", "-c", "echo ready; kill -HUP $$; exit 6"}),
                  folder_);
  command.send(SIGHUP);
  EXPECT_EQ(command.wait().exit_code, 6);
  signal(SIGHUP, SIG_DFL);
}

}  // namespace
}  // namespace belay
