// Actors and learners that meet, without sockets: who hears what, when, and how much is kept.
#include "server/hub.h"

#include <gtest/gtest.h>

#include <deque>

#include "server/noting_host.h"

namespace belay {
namespace {

// One of several that meet in one hub.
struct Peer {
  Peer(Catalog& catalog, Hub& hub, std::string_view name) : session(catalog, hub, host) {
    EXPECT_EQ(
        ask(FrameType::kSet, ":client", fmt::format("name={}\ndriver=none\ninstance=i\n", name)),
        "YES");
  }
  // What it is told because of one frame of its own.
  std::string ask(FrameType type, std::string_view name, std::string_view body) {
    std::string bytes = encode_frame(type, 0, name, body);
    EXPECT_TRUE(parser.feed(std::as_bytes(std::span(bytes)), session).has_value());
    return told();
  }
  // What it has been told since.
  std::string told() {
    std::string all;
    for (const std::string& word : host.said) all += (all.empty() ? "" : ", ") + word;
    host.said.clear();
    return all;
  }
  std::string offer(std::string_view body) { return ask(FrameType::kExp, "m", body); }
  std::string draw() { return ask(FrameType::kGet, ":experience", ""); }

  NotingHost host;
  Session session;
  FrameParser parser{uint64_t{1} << 30};
};

class HubTest : public testing::Test {
 protected:
  Catalog catalog{ServerLimits{}, "t"};
  Hub hub;
};

// Goal: experience waits for a learner; it reaches the learner in order, each message once; weights
// reach each actor once, with the answer.
TEST_F(HubTest, ExperienceOneWayWeightsTheOther) {
  Peer one(catalog, hub, "one"), two(catalog, hub, "two"), learner(catalog, hub, "learner");
  EXPECT_EQ(one.offer(""), "") << "nobody learns it yet";
  EXPECT_EQ(two.offer("b"), "");
  EXPECT_EQ(learner.ask(FrameType::kWts, "m", "w1"), "YES");
  EXPECT_EQ(one.told(), "WTS m=w1");
  EXPECT_EQ(two.told(), "WTS m=w1");
  EXPECT_EQ(one.offer("a"), "YES") << "it has the weights";
  EXPECT_EQ(learner.draw(), "EXP m=b");
  EXPECT_EQ(learner.draw(), "EXP m=a");
  EXPECT_EQ(learner.draw(), "") << "it waits";
  EXPECT_EQ(two.offer("c"), "YES");
  EXPECT_EQ(learner.told(), "EXP m=c");
  EXPECT_EQ(learner.ask(FrameType::kWts, "m", "w2"), "YES");
  EXPECT_EQ(learner.ask(FrameType::kWts, "m", "w3"), "YES");
  EXPECT_EQ(two.offer("d"), "WTS m=w3") << "the newest";
  EXPECT_EQ(one.told(), "") << "asked for nothing";
}

// Goal: the server holds a bounded number of messages; the actors of the others wait, in turn.
TEST_F(HubTest, WhoFindsNoRoomWaits) {
  Peer one(catalog, hub, "one"), two(catalog, hub, "two"), learner(catalog, hub, "learner");
  learner.ask(FrameType::kWts, "m", "w");
  EXPECT_EQ(one.offer("0"), "WTS m=w");
  for (size_t i = 1; i < Hub::kQueuedMax; i++) EXPECT_EQ(one.offer("x"), "YES");
  EXPECT_EQ(one.offer("y"), "");
  EXPECT_EQ(two.offer("z"), "");
  for (int i = 0; i < 100; i++) one.session.on_tick();
  EXPECT_EQ(one.told(), "") << "as long as it takes: there is a learner";
  EXPECT_EQ(learner.draw(), "EXP m=0");
  EXPECT_EQ(one.told() + "|" + two.told(), "YES|");
  one.session.on_disconnect();
  for (size_t i = 1; i < Hub::kQueuedMax; i++) EXPECT_EQ(learner.draw(), "EXP m=x");
  EXPECT_EQ(two.told(), "WTS m=w");
  EXPECT_EQ(learner.draw(), "EXP m=y") << "what the server took is not lost with who sent it";
  EXPECT_EQ(learner.draw(), "EXP m=z");
}

// Goal: actors that crowd in when the learner draws bring it one message for each question.
TEST_F(HubTest, OneAnswerForEachQuestion) {
  Peer learner(catalog, hub, "learner");
  learner.ask(FrameType::kWts, "m", "w");
  std::deque<Peer> actors;
  std::vector<std::string> told;
  for (size_t i = 0; i < 3 * Hub::kQueuedMax; i++)
    told.push_back(
        actors.emplace_back(catalog, hub, fmt::format("a{}", i)).offer(std::to_string(i)));
  for (size_t i = 0; i < 3 * Hub::kQueuedMax; i++)
    EXPECT_EQ(learner.draw(), fmt::format("EXP m={}", i));
  for (size_t i = 0; i < actors.size(); i++) EXPECT_EQ(told[i] + actors[i].told(), "WTS m=w");
}

// Goal: a model has one learner, a learner one model; with the learner goes what it has published,
// and the next one starts anew.
TEST_F(HubTest, OneLearnerForAModel) {
  Peer actor(catalog, hub, "actor"), first(catalog, hub, "first"), second(catalog, hub, "second");
  EXPECT_EQ(first.draw(), "NO why") << "weights come first";
  EXPECT_EQ(first.ask(FrameType::kWts, "../m", "w"), "NO why");
  EXPECT_EQ(first.ask(FrameType::kWts, "m", "w1"), "YES");
  EXPECT_EQ(second.ask(FrameType::kWts, "m", "w2"), "NO why");
  EXPECT_EQ(first.ask(FrameType::kWts, "n", "w2"), "NO why");
  EXPECT_EQ(first.offer("e"), "NO why");
  EXPECT_EQ(actor.ask(FrameType::kExp, "a/b", "e"), "NO why");
  EXPECT_EQ(actor.offer("e"), "WTS m=w1");
  first.session.on_disconnect();
  EXPECT_EQ(actor.offer("f"), "");
  EXPECT_EQ(second.ask(FrameType::kWts, "m", "w2"), "YES");
  EXPECT_EQ(actor.told(), "WTS m=w2");
  EXPECT_EQ(second.draw(), "EXP m=f");
}

// Goal: nobody waits for ever: a learner hears that nothing has come, so that it can look at other
// things, an actor that nobody learns its model.
TEST_F(HubTest, WaitingEnds) {
  Peer actor(catalog, hub, "actor"), learner(catalog, hub, "learner");
  learner.ask(FrameType::kWts, "m", "w");
  learner.draw();
  learner.session.on_tick();
  EXPECT_EQ(learner.told(), "");
  learner.session.on_tick();
  EXPECT_EQ(learner.told(), "EXP m=");
  EXPECT_EQ(actor.ask(FrameType::kExp, "other", "e"), "");
  for (int second = 0; second < 60; second++) actor.session.on_tick();
  EXPECT_EQ(actor.told(), "");
  actor.session.on_tick();
  EXPECT_EQ(actor.told(), "NO why");
  EXPECT_EQ(actor.offer("e"), "WTS m=w") << "it may ask for others";
}

// Goal: such a client has no snapshots.
TEST_F(HubTest, NoSnapshots) {
  Peer actor(catalog, hub, "actor");
  EXPECT_EQ(actor.ask(FrameType::kCkp, "", ""), "NO why");
  EXPECT_EQ(actor.ask(FrameType::kRes, "", ""), "NO why");
}

}  // namespace
}  // namespace belay
