// Goal: a program that knows nothing of Belay goes on under `belay run` from where a checkpoint was
// taken of it, after kill -9, by the same command, and by `belay restore`.
#include <signal.h>

#include <filesystem>

#include "command.h"

namespace belay {
namespace {

class Engine : public CommandTest {
 protected:
  Arguments counter() const { return run({"--every", "never"}, {BELAY_COUNTER_VICTIM}); }
  const std::string name_ = std::filesystem::path(BELAY_COUNTER_VICTIM).filename().string();

  // Counts to three and has a checkpoint taken of that. Returns the program's process id.
  pid_t count_to_three(Running& command) {
    std::string ready = command.line();
    EXPECT_TRUE(ready.starts_with("ready ")) << ready;
    for (const char* number : {"1", "2", "3"}) EXPECT_EQ(command.ask("x"), number);
    Outcome checkpoint = belay({"checkpoint", name_});
    EXPECT_EQ(checkpoint.exit_code, 0) << checkpoint.err;
    return ready.size() > 6 ? pid_t(std::stol(ready.substr(6))) : 0;
  }
};

TEST_F(Engine, GoesOnAfterKill9) {
  Running command(counter(), folder_);
  pid_t program = count_to_three(command);
  EXPECT_EQ(command.ask("x"), "4");
  ASSERT_GT(program, 1);
  kill(program, SIGKILL);
  EXPECT_EQ(command.ask("x"), "4") << "the fourth was counted after the checkpoint";
  EXPECT_EQ(command.ask("x"), "5");
  command.close_input();
  Outcome outcome = command.wait();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("SIGKILL"), std::string::npos) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(store() + "/" + name_)) << "the job is done";
}

TEST_F(Engine, SameCommandGoesOn) {
  {
    Running command(counter(), folder_);
    count_to_three(command);
    command.send(SIGKILL);
    EXPECT_EQ(command.line(), "") << "the program ends with its supervisor";
  }
  Running command(counter(), folder_);
  EXPECT_EQ(command.ask("x"), "4");
  EXPECT_EQ(command.ask("fail"), "");
  Outcome outcome = command.wait();
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.err.find("--fresh"), std::string::npos) << outcome.err;
  EXPECT_EQ(json({"ls", "--json"})["instances"][0]["newest"]["sequence"], 1) << "kept";
}

TEST_F(Engine, RestoreNeedsNoCommandLine) {
  {
    Running command(counter(), folder_);
    count_to_three(command);
  }
  for (const Arguments& options :
       {Arguments{}, Arguments{"--at", "1"}, Arguments{"--no-supervise"}}) {
    Arguments arguments = {"restore", name_};
    arguments.insert(arguments.end(), options.begin(), options.end());
    Running command(with_belay(arguments), folder_);
    EXPECT_EQ(command.ask("x"), "4");
    EXPECT_EQ(command.ask("fail"), "");
    EXPECT_EQ(command.wait().exit_code, 3);
  }
}

TEST_F(Engine, FreshStartsAnew) {
  {
    Running command(counter(), folder_);
    count_to_three(command);
  }
  Running command(run({"--fresh"}, {BELAY_COUNTER_VICTIM}), folder_);
  EXPECT_TRUE(command.line().starts_with("ready "));
  EXPECT_EQ(command.ask("x"), "1");
}

TEST_F(Engine, IsListedAndShownWhileItRuns) {
  Running command(counter(), folder_);
  pid_t program = count_to_three(command);
  EXPECT_EQ(json({"ls", "--json"})["instances"][0]["pid"], program);
  EXPECT_EQ(json({"show", name_, "--json"})["program"]["threads"].size(), 1u);
  EXPECT_EQ(belay({"verify"}).exit_code, 0);
  EXPECT_EQ(belay({"rm", name_}).exit_code, 75);
  Outcome second = Running(counter(), folder_).wait();
  EXPECT_EQ(second.exit_code, 75) << second.err;
  EXPECT_EQ(command.ask("x"), "4") << "nothing of that disturbed it";
}

}  // namespace
}  // namespace belay
