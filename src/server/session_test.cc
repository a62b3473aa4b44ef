// A session without sockets: what it answers and asks for in every state, to every message.
#include "server/session.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "server/noting_host.h"

namespace belay {
namespace {

using State = Session::State;

class SessionTest : public testing::Test {
 protected:
  // What the session says and does because of one frame, in order.
  std::string hear(FrameType type, std::string_view name = "", std::string_view body = "",
                   uint16_t flags = 0) {
    host.said.clear();
    std::string bytes = encode_frame(type, flags, name, body);
    status = parser.feed(std::as_bytes(std::span(bytes)), session);
    return said();
  }
  std::string said() const {
    std::string all;
    for (const std::string& word : host.said) all += (all.empty() ? "" : ", ") + word;
    return all;
  }
  template <class Event>
  std::string after(Event event) {
    host.said.clear();
    event();
    return said();
  }
  void greet() {
    hear(FrameType::kSet, ":client", "name=mario\ndriver=savepoint\ninstance=a1\n");
    session.on_committed({});
  }
  // A snapshot that the client has taken by itself.
  std::string take_one() {
    EXPECT_NE(hear(FrameType::kCkp, "", "", kFlagOwnRequest).find("YES:2"), std::string::npos);
    std::string id = session.client()->pending;
    EXPECT_EQ(hear(FrameType::kSet, ":snapshot", "id=" + id + "\nbytes=4096\n"), "commit");
    session.on_committed({});
    return id;
  }
  // Into any state, by messages and events alone.
  void bring_to(State state) {
    host.on_server = state == State::kTaking || state == State::kRestoring;
    if (state == State::kGreeting) return;
    greet();
    if (state == State::kStoring) hear(FrameType::kSet, "x.model", "data");
    if (state == State::kCommitting) {
      hear(FrameType::kCkp, "", "", kFlagOwnRequest);
      hear(FrameType::kSet, ":snapshot", "id=" + session.client()->pending + "\n");
    }
    if (host.on_server) hear(FrameType::kCkp, "", "", kFlagOwnRequest);
    if (state == State::kRestoring) {
      session.on_taken({});
      session.on_committed({});
      hear(FrameType::kRes);
    }
    if (state == State::kWaiting) hear(FrameType::kExp, "m", "e");
    if (state == State::kDrawing) {
      hear(FrameType::kWts, "m", "w");
      hear(FrameType::kGet, ":experience");
    }
    if (state == State::kClosed) session.on_disconnect();
    if (state == State::kReceiving) {
      std::string start = encode_frame_start(FrameType::kSet, 0, "half.model", 100);
      ASSERT_TRUE(parser.feed(std::as_bytes(std::span(start)), session).has_value());
    }
  }

  Catalog catalog{ServerLimits{.snapshots_max = 3}, "t"};
  Hub hub;
  NotingHost host;
  Session session{catalog, hub, host};
  FrameParser parser{uint64_t{1} << 30};
  Status status;
};

// Goal: of the seed's checkpoint flow, each line: NO at once while nobody has asked, YES when the
// user has asked and the program gets there, and only once.
TEST_F(SessionTest, CheckpointWantsTheUserAndTheProgram) {
  greet();
  EXPECT_EQ(hear(FrameType::kCkp), "NO:32");
  session.client()->asked = true;
  EXPECT_EQ(after([&] { session.on_asked(); }), "CKP");
  EXPECT_EQ(after([&] { session.on_asked(); }), "") << "called once";
  EXPECT_TRUE(session.client()->snapshots.empty());
  EXPECT_EQ(hear(FrameType::kCkp), "YES:2 st-1");
  EXPECT_EQ(hear(FrameType::kSet, ":snapshot", "id=st-1\nbytes=8192\ntake_ns=5\n"), "commit");
  EXPECT_EQ(after([&] { session.on_committed({}); }), "YES st-1");
  EXPECT_EQ(session.client()->snapshots.at(0).bytes, 8192u);
  EXPECT_EQ(hear(FrameType::kCkp), "NO:32");
}

// Goal: a snapshot that a driver takes: the client's answer comes when it is taken and written.
TEST_F(SessionTest, DriverTakesAndRestores) {
  host.on_server = true;
  greet();
  session.client()->asked = true;
  EXPECT_EQ(hear(FrameType::kCkp), "take");
  EXPECT_EQ(after([&] { session.on_taken({}); }), "commit");
  EXPECT_EQ(after([&] { session.on_committed({}); }), "YES:4 st-1");
  EXPECT_EQ(hear(FrameType::kRes), "restore");
  EXPECT_EQ(after([&] { session.on_restored({}); }), "YES:16 st-1");
  EXPECT_EQ(hear(FrameType::kRes), "restore");
  EXPECT_EQ(after([&] { session.on_restored(fail(EIO, "loadvm failed")); }), "NO why");
  EXPECT_EQ(session.client()->restores, 1u);
}

// Goal: what fails is answered with NO and a reason, is not listed, and the client may go on.
TEST_F(SessionTest, FailuresAreAnswered) {
  greet();
  EXPECT_EQ(hear(FrameType::kRes), "NO why") << "nothing taken";
  EXPECT_EQ(hear(FrameType::kGet, "none.model"), "NO why");
  EXPECT_EQ(hear(FrameType::kSet, ":what", "score=1\n"), "NO why");
  host.disk = fail(ENOSPC, "full");
  EXPECT_EQ(hear(FrameType::kSet, "x.model", "data"), "begin x.model, abandon, NO why");
  host.disk = {};
  hear(FrameType::kSet, "x.model", "data");
  EXPECT_EQ(after([&] { session.on_stored(fail(EIO, "sync")); }), "NO why");
  hear(FrameType::kCkp, "", "", kFlagOwnRequest);
  hear(FrameType::kSet, ":snapshot", "id=" + session.client()->pending + "\n");
  EXPECT_EQ(after([&] { session.on_committed(fail(ENOSPC, "full")); }), "NO why");
  EXPECT_TRUE(session.client()->snapshots.empty()) << "what is not confirmed is not there";
  EXPECT_EQ(hear(FrameType::kCkp, "", "", kFlagOwnRequest).substr(0, 3), "YES");
  EXPECT_EQ(hear(FrameType::kSet, ":snapshot", "id=" + session.client()->pending + "\nfailed=1\n"),
            "YES");
  EXPECT_TRUE(session.client()->snapshots.empty());
  EXPECT_EQ(session.state(), State::kReady);
}

// Goal: every message in every state is answered by what docs/server_protocol.md says, and what is
// out of order ends the connection with a reason.
TEST_F(SessionTest, EveryMessageInEveryState) {
  const std::string kHello = "name=luigi\ndriver=savepoint\ninstance=b2\n";
  for (State state :
       {State::kGreeting, State::kReady, State::kReceiving, State::kStoring, State::kTaking,
        State::kRestoring, State::kCommitting, State::kWaiting, State::kDrawing, State::kClosed}) {
    for (auto type : {FrameType::kCkp, FrameType::kRes, FrameType::kYes, FrameType::kNo,
                      FrameType::kGet, FrameType::kSet, FrameType::kExp, FrameType::kWts}) {
      for (std::string name :
           {"", "here.model", ":client", ":snapshot", ":metrics", ":experience", ":what"}) {
        SessionTest_EveryMessageInEveryState_Test fresh;
        fresh.bring_to(state);
        std::string heard = fresh.hear(type, name, name == ":client" ? kHello : "");
        std::string where =
            fmt::format("state {}, {} {}: {}", int(state), name_of(type), name, heard);
        bool greets = type == FrameType::kSet && name == ":client";
        if (state == State::kReceiving) {
          EXPECT_EQ(heard, "") << where << ": it is part of the file";
          continue;
        }
        bool allowed = state == State::kGreeting
                           ? greets
                           : state == State::kReady && !greets && type != FrameType::kYes &&
                                 type != FrameType::kNo;
        EXPECT_EQ(fresh.status.has_value(), allowed) << where;
        bool waits = allowed && type == FrameType::kExp && name == "here.model";
        EXPECT_EQ(fresh.session.state() == State::kWaiting, waits) << where;
        EXPECT_NE(heard == "", !waits) << where << ": everything else is answered";
        if (!allowed) {
          EXPECT_TRUE(heard.ends_with("NO why")) << where;
          EXPECT_EQ(fresh.session.state(), State::kClosed) << where;
        }
      }
    }
  }
}

// Goal: a client that is gone in any state leaves nothing behind that is half, and its name free.
TEST_F(SessionTest, GoneInEveryState) {
  for (State state : {State::kReady, State::kReceiving, State::kStoring, State::kTaking,
                      State::kRestoring, State::kCommitting, State::kWaiting, State::kDrawing}) {
    SessionTest_GoneInEveryState_Test fresh;
    fresh.bring_to(state);
    fresh.session.on_disconnect();
    EXPECT_FALSE(fresh.catalog.find("mario")->connected);
    fresh.session.on_taken({});
    fresh.session.on_restored({});
    fresh.session.on_stored({});
    fresh.session.on_committed({});
    fresh.session.on_room();
    fresh.session.on_experience();
    fresh.session.on_tick();
    EXPECT_EQ(fresh.session.state(), State::kClosed);
    EXPECT_FALSE(fresh.hub.has_learner("m"));
    EXPECT_TRUE(fresh.catalog.join("mario", "savepoint", "c3").has_value());
  }
}

// Goal: of two programs with one name the second is refused; the same program again takes over.
TEST_F(SessionTest, OneNameOneProgram) {
  greet();
  take_one();
  NotingHost other;
  Session second(catalog, hub, other);
  auto knock = [&](Session& at, std::string_view instance) {
    std::string bytes =
        encode_frame(FrameType::kSet, 0, ":client",
                     fmt::format("name=mario\ndriver=savepoint\ninstance={}\n", instance));
    return FrameParser(1024).feed(std::as_bytes(std::span(bytes)), at).has_value();
  };
  EXPECT_FALSE(knock(second, "b2"));
  Session third(catalog, hub, other);
  EXPECT_TRUE(knock(third, "a1"));
  EXPECT_EQ(catalog.find("mario")->snapshots.size(), 1u);
  EXPECT_EQ(hear(FrameType::kCkp), "NO why") << "the old connection has nothing to say any more";
  EXPECT_TRUE(catalog.find("mario")->connected);
  third.on_disconnect();
  Session fourth(catalog, hub, other);
  EXPECT_TRUE(knock(fourth, "b2"));
  EXPECT_TRUE(catalog.find("mario")->snapshots.empty()) << "they died with their process";
}

// Goal: limits: the oldest that is not pinned makes room, the client is told, children get the
// parent of what is gone.
TEST_F(SessionTest, LimitsPinsAndParents) {
  greet();
  std::string first = take_one(), second = take_one(), third = take_one();
  Client& mario = *session.client();
  EXPECT_EQ(mario.find(third)->parent, second);
  ASSERT_TRUE(catalog.pin("mario", first, true).has_value());
  EXPECT_EQ(catalog.remove("mario", first).error().code, EBUSY);
  std::string fourth = take_one();
  hear(FrameType::kCkp);
  EXPECT_EQ(host.text, "drop=" + second + "\n");
  EXPECT_EQ(mario.find(third)->parent, first);
  ASSERT_TRUE(catalog.select("mario", first).has_value());
  EXPECT_EQ(hear(FrameType::kRes), "YES:8 " + first);
  for (std::string id : {first, third, fourth})
    ASSERT_TRUE(catalog.pin("mario", id, true).has_value());
  EXPECT_EQ(hear(FrameType::kCkp, "", "", kFlagOwnRequest), "NO why");
}

// Goal: what a client says of itself and its snapshots is taken if it can be true.
TEST_F(SessionTest, NumbersThatCannotBeAreNotTaken) {
  hear(FrameType::kSet, ":client", "name=mario\ndriver=savepoint\ninstance=a1\npid=-4\n");
  session.on_committed({});
  EXPECT_EQ(session.client()->pid, 0u);
  for (const char* number : {"-1", "1e18", "1e300", "nan"}) {
    hear(FrameType::kCkp, "", "", kFlagOwnRequest);
    hear(FrameType::kSet, ":snapshot",
         fmt::format("id={}\nbytes={}\ntake_ns={}\n", session.client()->pending, number, number));
    session.on_committed({});
    EXPECT_EQ(session.client()->snapshots.back().bytes, 0u) << number;
    EXPECT_EQ(session.client()->snapshots.back().take_ns, 0u) << number;
  }
}

// Goal: text has a limit of its own, below that of files, which the session knows.
TEST_F(SessionTest, TextIsShort) {
  greet();
  EXPECT_EQ(hear(FrameType::kSet, ":metrics", std::string(kTextBytesMax, 'x')), "YES");
  EXPECT_EQ(hear(FrameType::kSet, ":metrics", std::string(kTextBytesMax + 1, 'x')), "NO why");
  EXPECT_EQ(session.state(), State::kClosed);
}

// Goal: a snapshot is listed under the name that was given out for it, once.
TEST_F(SessionTest, OnlyTheSnapshotThatWasToBeTaken) {
  greet();
  EXPECT_EQ(hear(FrameType::kSet, ":snapshot", "id=\n"), "NO why");
  hear(FrameType::kCkp, "", "", kFlagOwnRequest);
  std::string id = session.client()->pending;
  EXPECT_EQ(hear(FrameType::kSet, ":snapshot", "id=another\n"), "NO why");
  EXPECT_EQ(hear(FrameType::kSet, ":snapshot", "id=" + id + "\nfailed=1\n"), "YES");
  EXPECT_EQ(hear(FrameType::kSet, ":snapshot", "id=" + id + "\n"), "NO why");
  EXPECT_TRUE(session.client()->snapshots.empty());
}

// Goal: the client is told to drop snapshots once that is on disk, as many as a body holds, each
// once; where a driver of the server's has them, not at all.
TEST_F(SessionTest, DropsAreToldInTime) {
  greet();
  Client& mario = *session.client();
  for (int i = 0; i < 200; i++) mario.dropped.push_back(fmt::format("{:060}", i));
  mario.change++;
  hear(FrameType::kCkp);
  EXPECT_EQ(host.text, "") << "it is not on disk yet";
  mario.saved_change = mario.change;
  std::string told;
  while (!mario.dropped.empty()) {
    hear(FrameType::kCkp);
    ASSERT_LE(host.text.size(), kTextBytesMax);
    ASSERT_NE(host.text, "");
    told += host.text;
  }
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 200);
  SessionTest_DropsAreToldInTime_Test machine;
  machine.host.on_server = true;
  machine.greet();
  machine.session.client()->dropped = {"d"};
  machine.hear(FrameType::kCkp);
  EXPECT_EQ(machine.host.text, "");
}

// Goal: the user's wish is the next checkpoint's, whenever it comes: the call waits for an answer.
TEST_F(SessionTest, ACallDoesNotCrossAnAnswer) {
  bring_to(State::kStoring);
  session.client()->asked = true;
  EXPECT_EQ(after([&] { session.on_asked(); }), "") << "who has not been told to wait asks itself";
  session.on_stored({});
  EXPECT_EQ(hear(FrameType::kCkp).substr(0, 5), "YES:2");
  EXPECT_FALSE(session.client()->asked);
  SessionTest_ACallDoesNotCrossAnAnswer_Test back;
  back.bring_to(State::kRestoring);
  back.session.on_restored(fail(EIO, "loadvm"));
  back.hear(FrameType::kCkp);
  back.hear(FrameType::kRes);
  back.session.on_restored({});
  EXPECT_EQ(back.after([&] { back.session.on_asked(); }), "") << "that it waits, it has forgotten";
  SessionTest_ACallDoesNotCrossAnAnswer_Test busy;
  busy.greet();
  busy.hear(FrameType::kCkp);
  busy.hear(FrameType::kSet, "x.model", "data");
  EXPECT_EQ(busy.after([&] { busy.session.on_asked(); }), "");
  busy.session.on_stored({});
  EXPECT_EQ(busy.after([&] { busy.session.on_asked(); }), "CKP");
}

// Goal: answers that come when nobody waits for them, from work that was begun before, say nothing.
TEST_F(SessionTest, LateResultsAreNoAnswers) {
  greet();
  EXPECT_EQ(after([&] {
              session.on_stored({});
              session.on_taken({});
              session.on_restored({});
              session.on_committed({});
              session.on_room();
              session.on_experience();
            }),
            "");
  EXPECT_EQ(session.state(), State::kReady);
}

// Goal: a greeting that could not be written leaves the name free.
TEST_F(SessionTest, WhoseGreetingIsNotOnDiskMayGreetAgain) {
  hear(FrameType::kSet, ":client", "name=mario\ndriver=savepoint\ninstance=a1\n");
  EXPECT_EQ(after([&] { session.on_committed(fail(ENOSPC, "full")); }), "NO why");
  EXPECT_EQ(session.state(), State::kGreeting);
  EXPECT_FALSE(catalog.find("mario")->connected);
  EXPECT_EQ(hear(FrameType::kSet, ":client", "name=mario\ndriver=savepoint\ninstance=b2\n"),
            "commit");
}

// Goal: a machine that was started again: the program hears, without a greeting, that it is back,
// unless somebody else speaks for it.
TEST_F(SessionTest, ResumedWithoutAGreeting) {
  host.on_server = true;
  greet();
  Client& mario = *session.client();
  for (const char* id : {"a", "b"}) catalog.add(mario, {.id = id});
  NotingHost other;
  Session second(catalog, hub, other);
  EXPECT_EQ(second.resume(mario, "a").error().code, EEXIST);
  EXPECT_EQ(session.resume(mario, "a").error().code, EEXIST);
  Client& luigi = **catalog.join("luigi", "vm", "l1");
  luigi.connected = false;
  EXPECT_EQ(session.resume(luigi, "a").error().code, EEXIST);
  session.on_disconnect();
  ASSERT_TRUE(second.resume(mario, "a"));
  EXPECT_EQ(second.state(), State::kRestoring);
  EXPECT_TRUE(mario.connected);
  second.on_restored({});
  EXPECT_EQ(other.said, std::vector<std::string>{"YES:16 a"});
  EXPECT_EQ(mario.current, "a");
  EXPECT_EQ(mario.goal()->id, "a") << "the newest could not be restored";
}

// Goal: names that are paths, hidden, empty or too long reach no file.
TEST_F(SessionTest, NamesAreNoPaths) {
  greet();
  for (std::string name : {"../x", "a/b", "/etc/passwd", ".hidden", "", "a\nb", "..", "x\\y"}) {
    EXPECT_EQ(hear(FrameType::kSet, name, "data"), "NO why") << name;
    EXPECT_EQ(hear(FrameType::kGet, name), "NO why") << name;
  }
  EXPECT_FALSE(catalog.join("../x", "savepoint", "a1").has_value());
}

// Goal: of a client that keeps its images itself, what only one side knows goes.
TEST_F(SessionTest, WhatAClientHoldsAndTheCatalogueLists) {
  auto greet_as = [&](std::string_view driver) {
    hear(FrameType::kSet, ":client", fmt::format("name=mario\ndriver={}\ninstance=a1\n", driver));
    session.on_committed({});
  };
  greet_as("process");
  std::string first = take_one(), second = take_one();
  EXPECT_EQ(hear(FrameType::kSet, ":held", "id=" + first + "\nmore=1\n"), "YES");
  EXPECT_EQ(hear(FrameType::kSet, ":held", "id=" + second + "\n"), "YES")
      << "nothing is to be done";
  EXPECT_EQ(host.text, "");
  EXPECT_EQ(hear(FrameType::kSet, ":held", "id=" + second + "\nid=stranger\nid=../up\n"), "commit");
  EXPECT_EQ(after([&] { session.on_committed({}); }), "YES");
  EXPECT_EQ(host.text, "drop=stranger\n") << "the client's alone";
  EXPECT_EQ(session.client()->snapshots.size(), 1u) << "the catalogue's alone";
  EXPECT_EQ(hear(FrameType::kSet, ":held", ""), "commit") << "it has none any more";
  EXPECT_EQ(after([&] { session.on_committed(fail(ENOSPC, "full")); }), "NO why");
  EXPECT_EQ(session.state(), State::kGreeting) << "it may greet and say so again";
  greet_as("savepoint");
  EXPECT_EQ(hear(FrameType::kSet, ":held", "id=" + second + "\n"), "NO why");
}

// Goal: over the limit of disk space one snapshot goes for each time that the client says so, the
// oldest that is not pinned, never the newest; without one that can go, none is taken.
TEST_F(SessionTest, DiskSpaceIsLimited) {
  greet();
  std::string first = take_one(), second = take_one(), third = take_one();
  const std::string full = fmt::format("disk_bytes={}\n", uint64_t{65} << 30);
  hear(FrameType::kCkp, "", full);
  EXPECT_EQ(host.text, "drop=" + first + "\n");
  hear(FrameType::kCkp);
  EXPECT_EQ(host.text, "") << "it has not said how much is left";
  hear(FrameType::kCkp, "", full);
  EXPECT_EQ(host.text, "drop=" + second + "\n");
  hear(FrameType::kCkp, "", full);
  EXPECT_EQ(session.client()->snapshots.size(), 1u);
  EXPECT_NE(hear(FrameType::kCkp, "", "", kFlagOwnRequest).find("YES:2"), std::string::npos);
  ASSERT_TRUE(catalog.pin("mario", third, true).has_value());
  EXPECT_EQ(hear(FrameType::kCkp, "", "", kFlagOwnRequest), "NO why");
  hear(FrameType::kCkp, "", "disk_bytes=4096\n");
  EXPECT_NE(hear(FrameType::kCkp, "", "", kFlagOwnRequest).find("YES:2"), std::string::npos);
}

// Goal: what a snapshot that is to go occupies until the client has heard so costs no other one.
TEST_F(SessionTest, OneSnapshotGoesThoughItTakesTime) {
  greet();
  std::string first = take_one(), second = take_one();
  take_one();
  const std::string full = fmt::format("disk_bytes={}\n", uint64_t{65} << 30);
  host.saves = false;
  for (int i = 0; i < 3; i++) {
    hear(FrameType::kCkp, "", full);
    EXPECT_EQ(host.text, "") << "it is not on disk yet";
  }
  Client& mario = *session.client();
  mario.saved_change = mario.change;
  host.saves = true;
  hear(FrameType::kCkp, "", full);
  EXPECT_EQ(host.text, "drop=" + first + "\n");
  EXPECT_EQ(mario.snapshots.size(), 2u);
  hear(FrameType::kCkp, "", full);
  EXPECT_EQ(host.text, "drop=" + second + "\n") << "now it has said so again";
}

// Goal: a client whose connection is lost with the answer that told it what to drop is told again.
TEST_F(SessionTest, WhatAnAnswerToldIsToldAgainIfItWasLost) {
  greet();
  std::string first = take_one();
  take_one();
  ASSERT_TRUE(catalog.remove("mario", first).has_value());
  host.save(*session.client());
  hear(FrameType::kCkp);
  EXPECT_EQ(host.text, "drop=" + first + "\n");
  NotingHost other;
  Session again(catalog, hub, other);
  FrameParser other_parser(1024);
  auto say = [&](FrameType type, std::string_view name, std::string_view body) {
    std::string bytes = encode_frame(type, 0, name, body);
    ASSERT_TRUE(other_parser.feed(std::as_bytes(std::span(bytes)), again));
  };
  say(FrameType::kSet, ":client", "name=mario\ndriver=savepoint\ninstance=a1\n");
  EXPECT_EQ(hear(FrameType::kGet, "x"), "NO why") << "the old connection is not told anything";
  again.on_committed({});
  EXPECT_EQ(other.text, "drop=" + first + "\n");
  say(FrameType::kCkp, "", "");
  EXPECT_EQ(other.text, "") << "once it has been heard";
  again.on_disconnect();
}

// Goal: a snapshot that could not be written is not there, whatever the user has done with it; one
// that was stays, whatever happens when the client asks again.
TEST_F(SessionTest, WhatIsConfirmedStaysAndWhatIsNotGoes) {
  greet();
  std::string first = take_one();
  ASSERT_TRUE(catalog.pin("mario", first, true).has_value());
  EXPECT_EQ(hear(FrameType::kSet, ":snapshot", "id=" + first + "\n"), "YES " + first)
      << "there is nothing to be written that could fail";
  hear(FrameType::kCkp, "", "", kFlagOwnRequest);
  std::string second = session.client()->pending;
  EXPECT_EQ(hear(FrameType::kSet, ":snapshot", "id=" + second + "\n"), "commit");
  ASSERT_TRUE(catalog.pin("mario", second, true).has_value());
  EXPECT_EQ(after([&] { session.on_committed(fail(ENOSPC, "full")); }), "NO why");
  EXPECT_EQ(session.client()->find(second), nullptr);
  EXPECT_NE(session.client()->find(first), nullptr);
  EXPECT_EQ(session.client()->checkpoints, 1u);
}

}  // namespace
}  // namespace belay
