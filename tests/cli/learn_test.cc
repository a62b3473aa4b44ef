// Goal: `belay train` brings a program to a score and leaves model and curve, the same each time;
// ended or killed it goes on where it was; `belay play` shows what was learnt; and what can't learn
// is named.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "command.h"

namespace belay {
namespace {

class Learn : public CommandTest {
 protected:
  void SetUp() override {
    CommandTest::SetUp();
    for (const char* variable : {"BELAY_AU", "BELAY_AU_MODELS", "BELAY_AU_SET"}) unsetenv(variable);
  }
  // belay train --models MODELS OPTIONS -- VICTIM PROGRAM
  Arguments train(const std::string& models, const Arguments& options, const Arguments& program) {
    return command("train", models, options, program);
  }
  Arguments command(const std::string& name, const std::string& models, Arguments options,
                    const Arguments& program) {
    Arguments all = {BELAY_COMMAND, name, "--models", folder_ + "/" + models};
    options.insert(options.end(), {"--", BELAY_LEARNER_VICTIM});
    all.insert(all.end(), options.begin(), options.end());
    all.insert(all.end(), program.begin(), program.end());
    return all;
  }
  Outcome done(const Arguments& arguments) { return Running(arguments, folder_).wait(); }
  std::string contents(const std::string& file) const {
    std::ifstream stream(folder_ + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  std::vector<unsigned long long> decisions_in(const std::string& csv) const {
    std::ifstream file(folder_ + "/" + csv);
    std::vector<unsigned long long> all;
    for (std::string line; std::getline(file, line);) {
      double seconds = 0;
      unsigned long long decisions = 0;
      if (sscanf(line.c_str(), "%lf,%llu", &seconds, &decisions) == 2) all.push_back(decisions);
    }
    return all;
  }
};

TEST_F(Learn, TrainsToAScoreAndPlaysAsWell) {
  Outcome trained = done(
      train("m", {"--json", "--until", "score=9", "--until", "minutes=2", "--window", "50"}, {}));
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  auto result = nlohmann::json::parse(trained.out);
  EXPECT_EQ(result["model"], "corridor");
  EXPECT_EQ(result["reached"], "score=9");
  EXPECT_GE(result["score"], 9);
  EXPECT_EQ(result["episodes"], decisions_in("m/corridor.csv").size());
  EXPECT_TRUE(contents("m/corridor.svg").starts_with("<svg"));
  auto played =
      nlohmann::json::parse(done(command("play", "m", {"--json", "--episodes", "7"}, {})).out);
  ASSERT_EQ(played["scores"].size(), 7u);
  // Five steps that cost a tenth, and the last that pays: no chance is left in its choices.
  EXPECT_NEAR(played["least"], 9.5, 1e-3);
  EXPECT_EQ(played["least"], played["greatest"]);
  Outcome drawn = belay({"curves", "--svg", folder_ + "/c.svg", "a=" + folder_ + "/m/corridor.csv",
                         "a=" + folder_ + "/m/corridor.csv"});
  EXPECT_EQ(drawn.exit_code, 0) << drawn.err;
  EXPECT_NE(contents("c.svg").find("polyline"), std::string::npos);
}

TEST_F(Learn, TheSameSeedTrainsToTheSameModel) {
  for (const char* models : {"a", "b"})
    ASSERT_EQ(done(train(models, {"--until", "episodes=60"}, {"60"})).exit_code, 0);
  EXPECT_EQ(contents("a/corridor.model"), contents("b/corridor.model"));
  ASSERT_EQ(
      done(train("c", {"--until", "episodes=60", "--set", "corridor.seed=2"}, {"60"})).exit_code,
      0);
  EXPECT_NE(contents("a/corridor.model"), contents("c/corridor.model"));
}

// Replay memory, optimiser and random state included: what comes after is the same to the bit.
TEST_F(Learn, KilledAndRunAgainItGoesOnExactly) {
  ASSERT_EQ(done(train("straight", {"--until", "episodes=60"}, {"60"})).exit_code, 0);
  ASSERT_EQ(done(train("killed", {"--until", "episodes=30"}, {"30"})).exit_code, 0);
  Outcome killed = done(train("killed", {"--until", "episodes=60"}, {"20", "die"}));
  EXPECT_EQ(killed.exit_code, 128 + SIGKILL);
  EXPECT_NE(killed.err.find("SIGKILL"), std::string::npos) << killed.err;
  ASSERT_EQ(done(train("killed", {"--until", "episodes=60"}, {"30"})).exit_code, 0);
  EXPECT_EQ(contents("straight/corridor.model"), contents("killed/corridor.model"));
  EXPECT_EQ(decisions_in("straight/corridor.csv"), decisions_in("killed/corridor.csv"));
}

TEST_F(Learn, AskedToEndItSavesAndGoesOnLater) {
  for (int round = 1; round <= 2; round++) {
    auto before = decisions_in("m/corridor.csv");
    Running training(train("m", {"--until", "minutes=9"}, {}), folder_);
    EXPECT_EQ(training.line(), "begun");
    training.send(round == 1 ? SIGTERM : SIGINT);
    Outcome outcome = training.wait();
    EXPECT_EQ(outcome.exit_code, 128 + (round == 1 ? SIGTERM : SIGINT)) << outcome.err;
    auto after = decisions_in("m/corridor.csv");
    ASSERT_GE(after.size(), before.size());
    EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin()));
    EXPECT_TRUE(std::is_sorted(after.begin(), after.end()));
  }
}

TEST_F(Learn, AProgramThatEndsIsStartedForMore) {
  Outcome outcome = done(train("m", {"--json", "--until", "episodes=25"}, {"10"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_GE(nlohmann::json::parse(outcome.out)["episodes"], 25);
}

// Goal: a program that ignores what the calls return hears of each mistake, once and by name.
TEST_F(Learn, SaysOnceWhatWasMisspelt) {
  setenv("BELAY_AU", "train", 1);
  setenv("BELAY_AU_SET", "corridoor.seed=3", 1);
  setenv("BELAY_AU_MODELS", folder_.c_str(), 1);
  Outcome outcome = done({BELAY_LEARNER_VICTIM, "1", "names"});
  EXPECT_EQ(outcome.exit_code, 0);
  for (const char* words :
       {"'coridor'", "'plaice'", "no model ''", "of nothing", "'kee'", "corridoor.seed=3"}) {
    size_t at = outcome.err.find(words);
    EXPECT_NE(at, std::string::npos) << words << "\n" << outcome.err;
    EXPECT_EQ(outcome.err.find(words, at + 1), std::string::npos) << outcome.err;
  }
}

// Goal: exit() in the handler of a signal that came in a call, and of a child that was forked off
// while another thread was in one, ends the process. Without that they wait for ever.
TEST_F(Learn, ExitWaitsForNoCallThatNeverReturns) {
  setenv("BELAY_AU", "train", 1);
  setenv("BELAY_AU_MODELS", folder_.c_str(), 1);
  Outcome exited = done({BELAY_LEARNER_VICTIM, "1", "exit"});
  EXPECT_EQ(exited.exit_code, 0);
  EXPECT_NE(exited.err.find("in the midst of a call"), std::string::npos) << exited.err;
  EXPECT_EQ(done({BELAY_LEARNER_VICTIM, "1", "fork"}).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/corridor.model")) << "by the parent";
}

TEST_F(Learn, NamesWhatCannotLearn) {
  auto expect = [&](const Arguments& arguments, int code, const std::string& words) {
    Outcome outcome = belay(arguments);
    EXPECT_EQ(outcome.exit_code, code) << outcome.err;
    EXPECT_NE(outcome.err.find(words), std::string::npos) << outcome.err;
  };
  const std::string models = folder_ + "/m";
  expect({"train", "--until", "episodes=1", "--models", models, "/bin/true"}, 78,
         "not linked with libbelay_learn");
  expect(
      {"train", "--until", "episodes=1", "--models", models, BELAY_LEARNER_VICTIM, "1", "silent"},
      78, "without an episode");
  expect({"train", "--until", "score", "--models", models, "/bin/true"}, 64, "score=X");
  expect({"train", "--until", "episodes=1", "--models", models, "./none"}, 127, "./none");
  expect({"train", "--until", "episodes=1", "--models", models}, 64, "which program");
  expect({"play", "--models", folder_ + "/nothing", BELAY_LEARNER_VICTIM}, 65, "can't be used");
  std::ofstream(models + "/corridor.model") << "no model";
  expect({"train", "--until", "episodes=1", "--models", models, BELAY_LEARNER_VICTIM}, 65,
         "can't be used");
}

}  // namespace
}  // namespace belay
