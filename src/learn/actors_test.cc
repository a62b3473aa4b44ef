// Goal: what actors see is learnt from as if one program had seen it, by weights that reach them;
// and what is of another model, or can't be, is refused by name and changes nothing.
#include "learn/actors.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <limits>

#include "learn/decisions.h"

namespace belay {
namespace {

using Bytes = std::vector<std::byte>;

// All in one process: what is sent lies here until it is learnt from.
class Table final : public Exchange {
 public:
  Status send(std::string_view model, std::span<const std::byte> batch, Bytes& to) override {
    if (weights.empty()) return fail(ENOENT, "nobody learns the model '{}'", model);
    if (!batch.empty()) batches.emplace_back(batch.begin(), batch.end());
    to = weights;
    return {};
  }
  Status publish(std::string_view, std::span<const std::byte> fresh) override {
    weights.assign(fresh.begin(), fresh.end());
    return {};
  }
  Status receive(Bytes& batch) override {
    if (batches.empty()) return fail(ECONNRESET, "the table is empty");
    batch = std::move(batches.front());
    batches.pop_front();
    return {};
  }

  Bytes weights;
  std::deque<Bytes> batches;
};

// One process: a corridor of six steps whose far end pays.
struct Player {
  Player(AuMode mode, Exchange* exchange, uint32_t width = 8, uint64_t actor = 1)
      : models(real_os(), {.mode = mode, .folder = "/nowhere", .actor = actor}) {
    if (exchange != nullptr) models.use_exchange(*exchange);
    int32_t layers[] = {static_cast<int32_t>(width), 0};
    for (const char* name : {"corridor", "another"}) {
      EXPECT_TRUE(models.declare(name, AU_DNN, AU_QLEARN, layers));
      EXPECT_TRUE(models.declare_output(
          name, {.name = ModelString(name) + ".key", .count = 2, .is_choice = true}));
      models.find(name)->spec().options.deep_q.learn_after = 64;
    }
  }
  Status see() { return decisions.extract("place", BELAY_AU_I32, {.channels = 1}, &place); }
  void play(int count) {
    for (; count > 0; count--) {
      ASSERT_TRUE(see());
      bool over = place == 6;
      ASSERT_TRUE(decisions.decide_by_reward("corridor", "place", over ? 10 : -0.1, over));
      int key = 0;
      ASSERT_TRUE(decisions.write_back("corridor.key", BELAY_AU_I32, 1, &key));
      place = over ? 0 : key == 1 ? place + 1 : std::max(0, place - 1);
      episodes += over;
    }
  }
  // Learns from all that lies on the table.
  void learn() {
    ASSERT_TRUE(see());
    auto model = decisions.learner("corridor", "place");
    ASSERT_TRUE(model) << model.error().text();
    EXPECT_EQ(learn_from_actors(models, **model, [] {}).error().code, ECONNRESET);
  }
  Model& model() { return *models.find("corridor"); }

  ModelStore models;
  ProgramState program;
  Decisions decisions{models, program};
  int place = 0;
  uint64_t episodes = 0;
};

TEST(Actors, WhatTheySeeIsLearnt) {
  Table table;
  Player learner(AuMode::kLearn, &table);
  learner.learn();
  Player one(AuMode::kAct, &table), two(AuMode::kAct, &table, 8, 2);
  for (int round = 0; round < 40; round++) {
    one.play(200);
    two.play(200);
    learner.learn();
  }
  belay_au_stats learned = learner.model().stats();
  uint64_t unsent = one.model().outbox.decisions + two.model().outbox.decisions;
  EXPECT_EQ(learned.decisions + unsent + one.episodes + two.episodes, 2 * 40 * 200u);
  EXPECT_NEAR(double(learned.batches), double(learned.decisions) / 4, 64)
      << "one for four decisions";
  uint64_t untold = one.model().outbox.endings.size() + two.model().outbox.endings.size();
  EXPECT_EQ(learned.episodes + untold, one.episodes + two.episodes);
  EXPECT_EQ(one.model().stats().batches, 0u) << "an actor learns nothing by itself";
  EXPECT_GT(learned.mean_return, 5);
  // The replay memory holds each decision once, but for those whose return is not complete.
  uint64_t rows = learner.model().learned()->deep_q->memory().added();
  EXPECT_LE(rows, learned.decisions);
  EXPECT_GE(rows + 2 * 5, learned.decisions);
  ASSERT_TRUE(send_rest(one.models));
  ASSERT_TRUE(send_rest(two.models));
  learner.learn();
  EXPECT_EQ(learner.model().stats().episodes, one.episodes + two.episodes);
  // By the weights that it has it decides as the learner does.
  one.play(1000);
  for (float at : {0.0f, 3.0f, 5.0f})
    EXPECT_EQ(one.model().learned()->deep_q->choose({&at, 1}),
              learner.model().learned()->deep_q->choose({&at, 1}));
}

TEST(Actors, TwoOfThemChooseDifferently) {
  Table table;
  Player(AuMode::kLearn, &table).learn();
  Player one(AuMode::kAct, &table, 8, 1), two(AuMode::kAct, &table, 8, 2);
  one.play(300);
  two.play(300);
  ASSERT_GE(table.batches.size(), 2u);
  EXPECT_NE(table.batches.front(), table.batches.back());
}

TEST(Actors, OneModelIsSharedAndTheOthersDecideTheirDefaults) {
  Table table;
  Player(AuMode::kLearn, &table).learn();
  Player actor(AuMode::kAct, &table);
  actor.play(1);
  ASSERT_TRUE(actor.decisions.decide_by_reward("another", "place", 0, false));
  int key = 9;
  ASSERT_TRUE(actor.decisions.write_back("another.key", BELAY_AU_I32, 1, &key));
  EXPECT_EQ(key, 0);
}

TEST(Actors, OtherShapesAreRefused) {
  Table table;
  Player(AuMode::kLearn, &table).learn();
  Player wider(AuMode::kAct, &table, 16);
  ASSERT_TRUE(wider.see());
  Status refused = wider.decisions.decide_by_reward("corridor", "place", 0, false);
  EXPECT_EQ(refused.error().code, EBADMSG);
  EXPECT_NE(refused.error().text().find("this model's are"), refused.error().text().npos)
      << refused.error().text();
  int key = 9;
  ASSERT_TRUE(wider.decisions.write_back("corridor.key", BELAY_AU_I32, 1, &key));
  EXPECT_EQ(key, 0) << "the default";
  Player alone(AuMode::kAct, nullptr);
  ASSERT_TRUE(alone.see());
  refused = alone.decisions.decide_by_reward("corridor", "place", 0, false);
  EXPECT_NE(refused.error().text().find("BELAY_AU_EXCHANGE"), refused.error().text().npos);
}

// Whatever is done to a message, the learner takes it whole or not at all.
TEST(Actors, MessagesThatCannotBeAreRefused) {
  Table table;
  Player learner(AuMode::kLearn, &table);
  learner.learn();
  Player actor(AuMode::kAct, &table);
  actor.play(600);
  ASSERT_FALSE(table.batches.empty());
  const Bytes right = table.batches.front();
  table.batches.clear();
  Learned& learned = *learner.model().learned();
  ASSERT_TRUE(read_experience(right, learned));
  auto refused = [&](const Bytes& message) {
    table.batches.push_back(message);
    learner.learn();
    return learned.deep_q->decisions() == 0 && learned.deep_q->memory().added() == 0 &&
           !read_experience(message, learned);
  };
  for (size_t bytes = 0; bytes < right.size(); bytes += 1 + bytes / 16)
    EXPECT_TRUE(refused(Bytes(right.begin(), right.begin() + long(bytes)))) << bytes;
  auto with = [&](size_t offset, auto value) {
    Bytes changed = right;
    memcpy(&changed[offset], &value, sizeof value);
    return changed;
  };
  auto header = *reinterpret_cast<const ExperienceHeader*>(right.data());
  ASSERT_GT(header.endings, 0u);
  const size_t rows = sizeof header + header.endings * sizeof(Ending);
  EXPECT_TRUE(refused(with(offsetof(ExperienceHeader, fingerprint), header.fingerprint + 1)));
  for (size_t field : {offsetof(ExperienceHeader, decisions), offsetof(ExperienceHeader, endings),
                       offsetof(ExperienceHeader, rows), offsetof(ExperienceHeader, width)})
    EXPECT_TRUE(refused(with(field, UINT32_MAX))) << field;
  EXPECT_TRUE(refused(with(sizeof header, std::numeric_limits<double>::infinity())));
  EXPECT_TRUE(refused(with(sizeof header + offsetof(Ending, decision), header.decisions + 1)));
  EXPECT_TRUE(refused(with(rows, std::numeric_limits<float>::quiet_NaN())));
  const size_t choice = rows + 2 * sizeof(float);  // behind the two states
  EXPECT_TRUE(refused(with(choice, 2.0f)));
  EXPECT_TRUE(refused(with(choice, -1.0f)));
  EXPECT_TRUE(refused(with(choice + 2 * sizeof(float), 1.5f))) << "a discount";
  table.batches.push_back(right);
  learner.learn();
  EXPECT_EQ(learned.deep_q->decisions(), header.decisions);
}

}  // namespace
}  // namespace belay
