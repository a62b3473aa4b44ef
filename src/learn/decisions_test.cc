// Goal: a program is never harmed by what it lets decide: bounds hold, defaults stand in for what
// is missing or not finite or of another shape, and what is taught is learnt.
#include "learn/decisions.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "learn/values.h"

namespace belay {
namespace {

class DecisionsTest : public testing::Test {
 protected:
  DecisionsTest() {
    char folder[] = "/tmp/belay-decisions-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~DecisionsTest() override { std::filesystem::remove_all(folder_); }

  // One run of a program: stores of its own, models from the folder.
  struct Run {
    Run(AuMode mode, const std::string& folder)
        : models(real_os(), {.mode = mode, .folder = ModelString(folder)}) {
      int32_t layers[] = {16, 0};
      EXPECT_TRUE(models.declare("tuner", AU_DNN, AU_ADAM, layers));
      EXPECT_TRUE(models.declare_output(
          "tuner", {.name = "gain", .count = 2, .low = -2, .high = 6, .fallback = 1}));
      EXPECT_TRUE(models.declare_output(
          "tuner", {.name = "mode", .count = 3, .is_choice = true, .fallback = 2}));
      EXPECT_TRUE(models.declare("player", AU_DNN, AU_QLEARN, layers));
      EXPECT_TRUE(models.declare_output("player", {.name = "key", .count = 2, .is_choice = true}));
    }
    Status extract(std::string_view name, std::vector<double> values) {
      return decisions.extract(name, BELAY_AU_F64,
                               {.channels = static_cast<uint32_t>(values.size())}, values.data());
    }
    ModelStore models;
    ProgramState program;
    Decisions decisions{models, program};
  };

  // What the program knows to be right.
  static void teach(Run& run, double x) {
    ASSERT_TRUE(run.extract("x", {x}));
    ASSERT_TRUE(run.decisions.decide("tuner", "x"));
    double gain[2] = {x, 4 - x};
    int mode = x > 2 ? 1 : 0;
    ASSERT_TRUE(run.decisions.write_back("gain", BELAY_AU_F64, 2, gain));
    ASSERT_TRUE(run.decisions.write_back("mode", BELAY_AU_I32, 1, &mode));
    EXPECT_EQ(gain[0], x);  // in training the program keeps its own values
  }

  std::string folder_;
};

TEST_F(DecisionsTest, WhatWasTaughtIsDecidedInTheNextRun) {
  Run train(AuMode::kTrain, folder_);
  Random random(5);
  for (int i = 0; i < 800; i++) teach(train, 4 * random.uniform());
  ASSERT_TRUE(train.models.save_all());

  Run deploy(AuMode::kDeploy, folder_);
  for (double x : {0.5, 1.0, 3.0, 3.5}) {
    ASSERT_TRUE(deploy.extract("x", {x}));
    ASSERT_TRUE(deploy.decisions.decide("tuner", "x"));
    float gain[2];
    uint8_t mode = 9;
    ASSERT_TRUE(deploy.decisions.write_back("gain", BELAY_AU_F32, 2, gain));
    ASSERT_TRUE(deploy.decisions.write_back("mode", BELAY_AU_U8, 1, &mode));
    EXPECT_NEAR(gain[0], x, 0.5);
    EXPECT_NEAR(gain[1], 4 - x, 0.5);
    EXPECT_EQ(mode, x > 2 ? 1 : 0);
  }
}

TEST_F(DecisionsTest, RecordedExamplesAreLearntFromLater) {
  Run record(AuMode::kRecord, folder_);
  for (int i = 0; i < 40; i++) teach(record, i * 0.1);
  EXPECT_EQ(record.models.find("tuner")->stats().batches, 0u);
  ASSERT_TRUE(record.models.save_all());
  Run train(AuMode::kTrain, folder_);
  teach(train, 1);
  EXPECT_EQ(train.models.find("tuner")->stats().examples, 41u);
  EXPECT_GT(train.models.find("tuner")->stats().batches, 0u);
}

TEST_F(DecisionsTest, BadInputsBringTheDefault) {
  Run train(AuMode::kTrain, folder_);
  for (int i = 0; i < 40; i++) teach(train, i * 0.1);
  ASSERT_TRUE(train.models.save_all());
  Run run(AuMode::kDeploy, folder_);
  auto expect_default = [&] {
    double gain[2] = {};
    int mode = -1;
    ASSERT_TRUE(run.decisions.write_back("gain", BELAY_AU_F64, 2, gain));
    ASSERT_TRUE(run.decisions.write_back("mode", BELAY_AU_I32, 1, &mode));
    EXPECT_EQ(gain[0], 1);
    EXPECT_EQ(gain[1], 1);
    EXPECT_EQ(mode, 2);
  };
  ASSERT_FALSE(run.decisions.decide("tuner", "x"));  // never extracted
  expect_default();
  for (double bad : {std::nan(""), std::numeric_limits<double>::infinity(), 1e300}) {
    ASSERT_TRUE(run.extract("x", {bad}));
    EXPECT_EQ(run.decisions.decide("tuner", "x").error().code, EDOM);
    expect_default();
  }
  ASSERT_TRUE(run.extract("x", {1}));
  ASSERT_TRUE(run.decisions.decide("tuner", "x"));
  ASSERT_TRUE(run.extract("x", {1, 2}));  // of another shape now
  EXPECT_EQ(run.decisions.decide("tuner", "x").error().code, EINVAL);
  expect_default();
  EXPECT_EQ(run.models.find("tuner")->stats().fallbacks, 5u);
}

TEST_F(DecisionsTest, AForeignFileBringsTheDefaultAndStaysAsItIs) {
  std::string path = model_path(folder_, "tuner"), bytes = "something of somebody else's";
  std::ofstream(path) << bytes;
  for (AuMode mode : {AuMode::kDeploy, AuMode::kTrain}) {
    Run run(mode, folder_);
    ASSERT_TRUE(run.extract("x", {1}));
    EXPECT_FALSE(run.decisions.decide("tuner", "x"));
    EXPECT_FALSE(run.decisions.decide("tuner", "x"));
    EXPECT_TRUE(run.models.save_all());
  }
  std::ifstream in(path);
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(in)), {}), bytes);
}

// The component that this test finds is of another version.
TEST_F(DecisionsTest, WithoutItsComponentEigenComputesAndAScriptBringsTheDefault) {
  EXPECT_EQ(torch_component().error().code, EPROTO);
  std::ofstream(script_path(folder_, "tuner")) << "a script";
  for (AuMode mode : {AuMode::kTrain, AuMode::kDeploy}) {
    ModelStore models(real_os(), {mode, ModelString(folder_), "", AuBackend::kTorch});
    ProgramState program;
    Decisions decisions(models, program);
    int32_t layers[] = {4, 0};
    ASSERT_TRUE(decisions.configure("tuner", AU_DNN, AU_ADAM, layers));
    EXPECT_EQ(models.backend().name(), eigen_backend().name());
    ASSERT_TRUE(models.declare_output("tuner", {.name = "gain", .high = 9, .fallback = 3}));
    float x = 1, gain = 5;
    ASSERT_TRUE(decisions.extract("x", BELAY_AU_F32, {}, &x));
    EXPECT_EQ(bool(decisions.decide("tuner", "x")), mode == AuMode::kTrain);
    ASSERT_TRUE(decisions.write_back("gain", BELAY_AU_F32, 1, &gain));
    EXPECT_EQ(gain, mode == AuMode::kTrain ? 5 : 3);
  }
}

TEST_F(DecisionsTest, DecisionsStayWithinTheirBounds) {
  Run train(AuMode::kTrain, folder_);
  for (int i = 0; i < 40; i++) teach(train, i * 0.1);
  ASSERT_TRUE(train.models.save_all());
  Run run(AuMode::kDeploy, folder_);
  for (double x : {-1e9, -50.0, 50.0, 1e9}) {
    ASSERT_TRUE(run.extract("x", {x}));
    ASSERT_TRUE(run.decisions.decide("tuner", "x"));
    double gain[2];
    ASSERT_TRUE(run.decisions.write_back("gain", BELAY_AU_F64, 2, gain));
    for (double value : gain) EXPECT_TRUE(value >= -2 && value <= 6) << value;
  }
}

TEST_F(DecisionsTest, RewardsAreLearntFrom) {
  Run run(AuMode::kTrain, folder_);
  double reward = 0;
  int right = 0;
  for (int i = 0; i < 12000; i++) {
    double bit = i % 2;
    ASSERT_TRUE(run.extract("bit", {bit, 1 - bit}));
    ASSERT_TRUE(run.decisions.decide_by_reward("player", "bit", reward, i % 10 == 9));
    int key = -1;
    ASSERT_TRUE(run.decisions.write_back("key", BELAY_AU_I32, 1, &key));
    reward = i % 10 == 9 ? 0 : key == i % 2;
    if (i >= 11000 && i % 10 != 9) right += key == i % 2;
  }
  auto stats = run.models.find("player")->stats();
  EXPECT_EQ(stats.episodes, 1200u);
  EXPECT_GT(right, 900 * (1 - stats.epsilon) * 0.9);
}

TEST_F(DecisionsTest, MisuseIsRefused) {
  Run run(AuMode::kTrain, folder_);
  int32_t layers[] = {16, 0}, other[] = {17, 0}, negative[] = {-1, 0};
  EXPECT_TRUE(run.models.declare("tuner", AU_DNN, AU_ADAM, layers));
  EXPECT_EQ(run.models.declare("tuner", AU_DNN, AU_ADAM, other).error().code, EEXIST);
  EXPECT_EQ(run.models.declare("../tuner", AU_DNN, AU_ADAM, layers).error().code, EINVAL);
  EXPECT_EQ(run.models.declare("new", AU_DNN, AU_ADAM, negative).error().code, EINVAL);
  EXPECT_EQ(run.models.declare_output("player", {.name = "gain"}).error().code, EEXIST);
  EXPECT_EQ(run.models.declare_output("nobody", {.name = "n"}).error().code, ENOENT);
  ASSERT_TRUE(run.extract("x", {1}));
  EXPECT_EQ(run.decisions.decide("player", "x").error().code, EINVAL);  // learns by reward
  EXPECT_EQ(run.decisions.decide("nobody", "x").error().code, ENOENT);
  int mode = 0;
  EXPECT_EQ(run.decisions.write_back("none", BELAY_AU_I32, 1, &mode).error().code, ENOENT);
  EXPECT_EQ(run.decisions.write_back("gain", BELAY_AU_I32, 1, &mode).error().code, EINVAL);
  const char* itself[] = {"x", nullptr};
  EXPECT_EQ(run.decisions.serialize("x", itself).error().code, EINVAL);
  ModelOptions options;
  EXPECT_EQ(set_option(options, "learning_speed", 1).error().code, EINVAL);
  EXPECT_EQ(set_option(options, "discount", 1.5).error().code, ERANGE);
  EXPECT_EQ(set_option(options, "discount", std::nan("")).error().code, ERANGE);
}

// Goal: what nobody means is no example: a choice that does not exist (-1 for "unknown", say).
TEST_F(DecisionsTest, AChoiceThatDoesNotExistIsNoExample) {
  Run run(AuMode::kTrain, folder_);
  for (int mode : {-1, 3, 2}) {
    ASSERT_TRUE(run.extract("x", {1}));
    ASSERT_TRUE(run.decisions.decide("tuner", "x"));
    double gain[2] = {1, 2};
    ASSERT_TRUE(run.decisions.write_back("gain", BELAY_AU_F64, 2, gain));
    ASSERT_TRUE(run.decisions.write_back("mode", BELAY_AU_I32, 1, &mode));
    EXPECT_EQ(run.models.find("tuner")->stats().examples, mode == 2 ? 1u : 0u) << mode;
  }
}

// Goal: a reward or an input that is not finite brings the default, ends the game where it is the
// game's last, and joins no two games.
TEST_F(DecisionsTest, WhatCantBeLearntFromEndsAGameAllTheSame) {
  Run run(AuMode::kTrain, folder_);
  auto decide = [&](double x, double reward, bool terminal) {
    EXPECT_TRUE(run.extract("x", {x}));
    return run.decisions.decide_by_reward("player", "x", reward, terminal).has_value();
  };
  const double nan = std::nan("");
  EXPECT_FALSE(decide(1, nan, false));
  int key = 1;
  EXPECT_TRUE(run.decisions.write_back("key", BELAY_AU_I32, 1, &key));
  EXPECT_EQ(key, 0);
  EXPECT_TRUE(decide(1, 3, false));
  EXPECT_FALSE(decide(1, nan, true));
  EXPECT_TRUE(decide(1, 5, false));
  EXPECT_FALSE(decide(nan, 7, true));
  belay_au_stats stats = run.models.find("player")->stats();
  EXPECT_EQ(stats.episodes, 2u);
  EXPECT_DOUBLE_EQ(stats.mean_return, (3 + 5) / 2.0);
  EXPECT_EQ(run.models.find("player")->learned()->deep_q->memory().added(), 0u);
}

// Goal: declarations may be repeated as they were, and are refused where they can't be kept.
TEST_F(DecisionsTest, DeclarationsAreBounded) {
  Run run(AuMode::kTrain, folder_);
  EXPECT_TRUE(run.models.set("player", "discount", 0.5));
  ASSERT_TRUE(run.extract("x", {1}));
  ASSERT_TRUE(run.decisions.decide_by_reward("player", "x", 0, false));
  EXPECT_TRUE(run.models.set("player", "discount", 0.5));
  EXPECT_EQ(run.models.set("player", "discount", 0.6).error().code, EBUSY);
  EXPECT_EQ(run.models.set("nobody", "discount", 0.6).error().code, ENOENT);
  const int32_t layers[] = {4, 0};
  ASSERT_TRUE(run.models.declare("many", AU_DNN, AU_ADAM, layers));
  for (size_t i = 0; i < kOutputsMax; i++)
    ASSERT_TRUE(run.models.declare_output("many", {.name = ModelString(fmt::format("o{}", i))}));
  EXPECT_EQ(run.models.declare_output("many", {.name = "one more"}).error().code, E2BIG);
  EXPECT_EQ(run.models.declare_output("tuner", {.name = ""}).error().code, EINVAL);
}

// Goal: a folder of models that is not there yet is made before hours of learning, not missed
// after.
TEST_F(DecisionsTest, MakesTheFolderOfModels) {
  Run run(AuMode::kTrain, folder_ + "/new");
  teach(run, 1);
  EXPECT_TRUE(run.models.save_all());
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/new/tuner.model"));
}

// Goal: of two processes that learn in one folder, the one that overwrites the other says so.
TEST_F(DecisionsTest, SaysThatItOverwritesWhatAnotherHasLearnt) {
  Run first(AuMode::kTrain, folder_), second(AuMode::kTrain, folder_);
  auto saves = [](Run& run) {
    testing::internal::CaptureStderr();
    EXPECT_TRUE(run.models.save_all());
    return testing::internal::GetCapturedStderr();
  };
  teach(first, 1);
  teach(second, 1);
  EXPECT_EQ(saves(first), "");
  teach(first, 1);
  EXPECT_EQ(saves(first), "") << "its own file";
  EXPECT_NE(saves(second).find("another process"), std::string::npos);
}

TEST(Values, AreCutToTheirType) {
  float values[] = {300, -300, 2.5f, 1e30f};
  uint8_t bytes[4];
  from_floats(BELAY_AU_U8, values, bytes);
  EXPECT_EQ(bytes[0], 255);
  EXPECT_EQ(bytes[1], 0);
  EXPECT_EQ(bytes[2], 2);
  int64_t longs[4];
  from_floats(BELAY_AU_I64, values, longs);
  EXPECT_EQ(longs[3], std::numeric_limits<int64_t>::max());
  EXPECT_EQ(bytes_of(static_cast<belay_au_type>(99)), 0u);
}

// A rollback is a copy of the program's state here: the models' stays.
TEST_F(DecisionsTest, TheScoreOfAnEpisodeGoesBackWithTheProgram) {
  Run run(AuMode::kTrain, folder_);
  ASSERT_TRUE(run.extract("x", {1}));
  auto decide = [&](double reward, bool terminal) {
    ASSERT_TRUE(run.decisions.decide_by_reward("player", "x", reward, terminal));
  };
  decide(0, false);
  decide(1, false);
  auto checkpoint = run.program.open;
  for (double lost : {20, 30}) {
    decide(lost, true);
    run.program.open = checkpoint;
  }
  decide(4, true);
  decide(0, false);
  decide(2, true);
  belay_au_stats stats = run.models.find("player")->stats();
  EXPECT_EQ(stats.episodes, 4u);
  EXPECT_DOUBLE_EQ(stats.mean_return, (21 + 31 + 5 + 2) / 4.0);
}

}  // namespace
}  // namespace belay
