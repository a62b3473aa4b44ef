// Goal: `belay run` is as good as the program itself to whoever starts it (exit codes, output,
// arguments), restarts it when it crashes and not for ever, and says clearly what it cannot run.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "command.h"

namespace belay {
namespace {

class Run : public CommandTest {
 protected:
  Outcome shell(const Arguments& options, const std::string& script) {
    return Running(run(options, {"/bin/sh", "-c", script}), folder_).wait();
  }
};

size_t count(const std::string& text, const std::string& word) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(word, at)) != std::string::npos; at++) n++;
  return n;
}

TEST_F(Run, PassesOutputAndExitCodeThrough) {
  Outcome outcome = shell({}, "echo to out; echo to err >&2; exit 3");
  EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
  EXPECT_EQ(outcome.out, "to out\n");
  EXPECT_NE(outcome.err.find("to err"), std::string::npos);
}

TEST_F(Run, PassesArgumentsThroughAsTheyAre) {
  Outcome outcome =
      Running(run({}, {"/usr/bin/printf", "[%s]", "--store", "--", "a b", ""}), folder_).wait();
  EXPECT_EQ(outcome.out, "[--store][--][a b][]") << outcome.err;
  EXPECT_EQ(outcome.exit_code, 0);
}

TEST_F(Run, FindsProgramsInThePath) {
  EXPECT_EQ(Running(run({}, {"true"}), folder_).wait().exit_code, 0);
  EXPECT_EQ(belay({"run", "true"}).exit_code, 0) << "without -- it works for the simplest commands";
}

TEST_F(Run, StoreOfAJobThatIsDoneIsEmpty) {
  EXPECT_EQ(shell({}, "exit 0").exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(store() + "/sh"));
}

TEST_F(Run, RestartsACrashedProgramFromTheBeginningUpToTheLimit) {
  Outcome outcome = shell({"--max-restarts", "2", "--every", "never"}, "echo here; kill -SEGV $$");
  EXPECT_EQ(count(outcome.out, "here"), 3u) << outcome.err;
  EXPECT_EQ(outcome.exit_code, 128 + SIGSEGV);
  EXPECT_EQ(count(outcome.err, "starts from the beginning"), 2u);
  EXPECT_NE(outcome.err.find("giving up"), std::string::npos);
}

TEST_F(Run, RestartsAKilledProgramUntilItIsDone) {
  Outcome outcome = shell({"--every", "never"}, "cd " + folder_ +
                                                    "; echo here; test -e second && exit 0; "
                                                    ": > second; kill -KILL $$");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "here\nhere\n");
}

TEST_F(Run, ReportsWhatCannotBeExecuted) {
  EXPECT_EQ(Running(run({}, {"./nowhere"}), folder_).wait().exit_code, 127);
  EXPECT_EQ(Running(run({}, {"no-such-program"}), folder_).wait().exit_code, 127);
  EXPECT_EQ(Running(run({}, {folder_}), folder_).wait().exit_code, 126);
  std::string text = folder_ + "/text";
  std::ofstream(text) << "neither program nor script\n";
  chmod(text.c_str(), 0700);
  EXPECT_EQ(Running(run({}, {text}), folder_).wait().exit_code, 126);
}

TEST_F(Run, RefusesAStaticProgram) {
  Outcome outcome = Running(run({}, {BELAY_STATIC_VICTIM}), folder_).wait();
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_NE(outcome.err.find("statically linked"), std::string::npos) << outcome.err;
}

TEST_F(Run, RefusesAProgramThatGainsPrivileges) {
  std::string program = "/usr/bin/passwd";  // set-user-ID root on every Debian
  if (getuid() == 0) {
    program = folder_ + "/program";
    std::filesystem::copy_file("/bin/true", program);
    ASSERT_EQ(chown(program.c_str(), 65534, 65534), 0);
    ASSERT_EQ(chmod(program.c_str(), 04755), 0);
  }
  Outcome outcome = Running(run({}, {program}), folder_).wait();
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_NE(outcome.err.find("privileges"), std::string::npos) << outcome.err;
}

TEST_F(Run, RunsAScriptByItsInterpreter) {
  std::string script = folder_ + "/job";
  std::ofstream(script) << "#!/bin/sh -e\nexit 4\n";
  chmod(script.c_str(), 0700);
  EXPECT_EQ(Running(run({}, {script}), folder_).wait().exit_code, 4);
}

TEST_F(Run, RefusesAStoreInUse) {
  std::filesystem::create_directories(store() + "/sh");
  int lock = open((store() + "/sh/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  ASSERT_EQ(write(lock, "4711\n", 5), 5);
  for (const Arguments& options : {Arguments{}, Arguments{"--fresh"}}) {
    Outcome outcome = shell(options, "exit 0");
    EXPECT_EQ(outcome.exit_code, 75);
    EXPECT_NE(outcome.err.find("process 4711"), std::string::npos) << outcome.err;
  }
  close(lock);
  EXPECT_EQ(shell({}, "exit 0").exit_code, 0);
}

TEST_F(Run, UsageErrors) {
  EXPECT_EQ(belay({}).exit_code, 64);
  EXPECT_EQ(belay({"frobnicate"}).exit_code, 64);
  EXPECT_EQ(belay({"run"}).exit_code, 64);
  EXPECT_EQ(belay({"run", "--evry", "3s", "--", "true"}).exit_code, 64);
  EXPECT_EQ(belay({"run", "--every", "30", "--", "true"}).exit_code, 64);
  EXPECT_EQ(belay({"run", "--every", "0s", "--", "true"}).exit_code, 64);
  EXPECT_EQ(belay({"run", "--verify", "never", "--", "true"}).exit_code, 64);
  EXPECT_EQ(belay({"run", "--name", "a/b", "--", "true"}).exit_code, 64);
  EXPECT_EQ(belay({"restore"}).exit_code, 64);
  EXPECT_EQ(belay({"show", "x", "--at", "last"}).exit_code, 64);
}

TEST_F(Run, HelpAndVersion) {
  Outcome version = belay({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_TRUE(version.out.starts_with("belay ")) << version.out;
  EXPECT_EQ(belay({"run", "--help"}).exit_code, 0);
}

}  // namespace
}  // namespace belay
