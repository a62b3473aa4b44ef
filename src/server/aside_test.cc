// A client that lets go of its connection for its driver.
#include <errno.h>
#include <gtest/gtest.h>

#include <optional>

#include "server/noting_host.h"

namespace belay {
namespace {

class AsideTest : public testing::Test {
 protected:
  AsideTest() { connect(); }

  // Anew; the connection before is gone by then.
  void connect() {
    session.reset();
    session.emplace(catalog, hub, host);
    parser.emplace(1 << 20);
    EXPECT_EQ(hear(FrameType::kSet, 0, ":client", "name=mario\ndriver=criu\ninstance=a1\n"),
              "commit");
    session->on_committed({});
  }
  // What the session says and does because of one frame.
  std::string hear(FrameType type, uint16_t flags = 0, std::string_view name = "",
                   std::string_view body = "") {
    host.said.clear();
    std::string bytes = encode_frame(type, flags, name, body);
    EXPECT_TRUE(parser->feed(std::as_bytes(std::span(bytes)), *session).has_value());
    return said();
  }
  std::string disconnect() {
    host.said.clear();
    session->on_disconnect();
    return said();
  }
  std::string said() const {
    std::string all;
    for (const std::string& word : host.said) all += (all.empty() ? "" : ", ") + word;
    return all;
  }
  Client& mario() { return *catalog.find("mario"); }
  // What the server does meanwhile.
  void finish(const Status& outcome) {
    mario().aside.outcome = outcome;
    mario().aside.is_done = true;
    if (outcome && !mario().aside.restores) catalog.add(mario(), {.id = mario().aside.id});
  }

  Catalog catalog{ServerLimits{}, "t"};
  Hub hub;
  NotingHost host{true};
  std::optional<Session> session;
  std::optional<FrameParser> parser;
};

// Goal: it is served when its connection is gone, and not before, and hears once what came of it.
TEST_F(AsideTest, IsServedMeanwhile) {
  for (bool restores : {false, true}) {
    std::string said = hear(restores ? FrameType::kRes : FrameType::kCkp,
                            restores ? 0 : kFlagOwnRequest, "", "thread=7\n");
    std::string id = mario().aside.id;
    EXPECT_EQ(said, "YES:64 " + id);
    EXPECT_EQ(mario().aside.thread, 7);
    EXPECT_EQ(mario().aside.restores, restores);
    EXPECT_EQ(hear(FrameType::kCkp, kFlagBack), "NO why") << "it is not done";
    EXPECT_EQ(disconnect(), "aside");
    finish({});
    connect();
    EXPECT_EQ(hear(FrameType::kCkp, kFlagBack), fmt::format("YES:{} {}", restores ? 16 : 4, id));
    EXPECT_EQ(hear(FrameType::kCkp, kFlagBack), "NO why") << "once";
    EXPECT_EQ(disconnect(), "") << "nothing is to be done";
    connect();
  }
}

// Goal: what fails is told, and can be tried again.
TEST_F(AsideTest, FailuresAreTold) {
  for (int attempt = 0; attempt < 2; attempt++) {
    EXPECT_TRUE(hear(FrameType::kCkp, kFlagOwnRequest).starts_with("YES:64 "));
    EXPECT_EQ(disconnect(), "aside");
    finish(fail(EIO, "it can't be taken"));
    connect();
    EXPECT_EQ(hear(FrameType::kCkp, kFlagBack), "NO why");
    EXPECT_NE(host.text.find("it can't be taken"), std::string::npos);
  }
  EXPECT_EQ(hear(FrameType::kRes), "NO why") << "none has been taken";
  EXPECT_EQ(disconnect(), "");
}

// Goal: whoever dies aside leaves nothing half: what was begun is forgotten with the next.
TEST_F(AsideTest, OneAtATime) {
  hear(FrameType::kCkp, kFlagOwnRequest);
  EXPECT_EQ(disconnect(), "aside");
  connect();
  EXPECT_EQ(hear(FrameType::kCkp, kFlagBack), "NO why") << "it goes on";
  finish({});
  EXPECT_TRUE(hear(FrameType::kCkp, kFlagOwnRequest).starts_with("YES:64 ")) << "a new one";
  EXPECT_FALSE(mario().aside.is_done);
}

}  // namespace
}  // namespace belay
