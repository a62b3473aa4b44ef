// Goal: whatever the other side of a QMP connection sends, or does not, a call ends in time and
// says what was wrong; and answers are matched to their commands whatever comes in between.
#include "server/qmp.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <thread>

namespace belay {
namespace {

using namespace std::chrono_literals;
using Json = Qmp::Json;

constexpr auto kLong = 20s;    // never waited for, unless a test fails
constexpr auto kShort = 30ms;  // always waited for

// Plays QEMU: each test gives what it says, and reads, after the greeting.
class FakeQemu {
 public:
  using Script = std::function<void(FakeQemu&)>;

  explicit FakeQemu(Script script, std::string greeting = R"({"QMP": {"version": {}}})") {
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    belays_ = Fd(pair[0]);
    own_ = Fd(pair[1]);
    thread_ = std::thread([this, script = std::move(script), greeting = std::move(greeting)] {
      say(greeting + "\r\n");
      Json first = hear();
      if (first.is_object()) {
        answer(first, Json::object());
        script(*this);
      }
      own_.reset();
    });
  }
  ~FakeQemu() {
    belays_.reset();
    thread_.join();
  }

  Result<Qmp> open() { return Qmp::open(std::move(belays_), kLong); }

  void say(const std::string& bytes) {
    if (send(own_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return;
  }
  // A line that Belay has sent; nothing when it has hung up.
  Json hear() {
    std::string line;
    for (char c; recv(own_.get(), &c, 1, 0) == 1 && c != '\n';) line += c;
    return line.empty() ? Json() : Json::parse(line);
  }
  void answer(const Json& command, const Json& result) {
    say(Json{{"return", result}, {"id", command["id"]}}.dump() + "\n");
  }
  void job_event(const Json& command, const char* status) {
    say(Json{{"event", "JOB_STATUS_CHANGE"},
             {"data", {{"id", command["arguments"]["job-id"]}, {"status", status}}}}
            .dump() +
        "\n");
  }

 private:
  Fd belays_, own_;
  std::thread thread_;
};

void expect_failure(const Error& error, int code, const char* words) {
  EXPECT_EQ(error.code, code) << error.text();
  EXPECT_NE(error.text().find(words), std::string_view::npos) << error.text();
}

TEST(Qmp, AnswersComeInPiecesAndWithEventsBetween) {
  FakeQemu qemu([](FakeQemu& self) {
    Json command = self.hear();
    EXPECT_EQ(command["execute"], "query-status");
    EXPECT_EQ(command["arguments"]["deep"], 1);
    std::string all = R"({"event": "STOP", "timestamp": {}})"
                      "\n" +
                      Json{{"return", {{"running", true}}}, {"id", command["id"]}}.dump() + "\n" +
                      R"({"event": "RESUME"})" + "\n";
    for (char byte : all) self.say(std::string(1, byte));
  });
  auto qmp = qemu.open();
  ASSERT_TRUE(qmp) << qmp.error().text();
  auto answer = qmp->execute("query-status", {{"deep", 1}}, kLong);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ((*answer)["running"], true);
  EXPECT_EQ(text_of(qmp->next_event(kLong).value(), "event"), "STOP");
  EXPECT_EQ(text_of(qmp->next_event(kLong).value(), "event"), "RESUME");
}

TEST(Qmp, AnErrorOfQemusIsOneAndTheConnectionGoesOn) {
  FakeQemu qemu([](FakeQemu& self) {
    Json command = self.hear();
    self.say(Json{{"error", {{"class", "GenericError"}, {"desc", "no such disk"}}},
                  {"id", command["id"]}}
                 .dump() +
             "\n");
    self.answer(self.hear(), 7);
  });
  auto qmp = qemu.open();
  auto answer = qmp->execute("eject", {}, kLong);
  ASSERT_FALSE(answer);
  expect_failure(answer.error(), EREMOTEIO, "eject: no such disk");
  EXPECT_EQ(qmp->execute("query-status", {}, kLong).value(), 7);
}

TEST(Qmp, AnAnswerThatComesTooLateIsNotTheNextCommands) {
  FakeQemu qemu([](FakeQemu& self) {
    Json late = self.hear();
    Json next = self.hear();
    self.answer(late, "late");
    self.answer(next, "next");
  });
  auto qmp = qemu.open();
  auto answer = qmp->execute("savevm", {}, kShort);
  ASSERT_FALSE(answer);
  expect_failure(answer.error(), ETIMEDOUT, "savevm");
  EXPECT_EQ(qmp->execute("query-status", {}, kLong).value(), "next");
}

// What breaks a connection is said now and at every later call.
void expect_broken(FakeQemu::Script script, int code, const char* words) {
  FakeQemu qemu(std::move(script));
  auto qmp = qemu.open();
  ASSERT_TRUE(qmp) << qmp.error().text();
  for (int i = 0; i < 2; i++) {
    auto answer = qmp->execute("query-status", {}, kLong);
    ASSERT_FALSE(answer);
    expect_failure(answer.error(), code, words);
  }
}

TEST(Qmp, HangUpsAndGarbageBreakIt) {
  expect_broken([](FakeQemu&) {}, ECONNRESET, "QEMU has ended");
  expect_broken([](FakeQemu& self) { self.hear(); }, ECONNRESET, "QEMU has ended");
  expect_broken([](FakeQemu& self) { self.say("{\"return\": "); }, ECONNRESET, "QEMU has ended");
  expect_broken([](FakeQemu& self) { self.say("\x01\xff}{\n"), self.hear(); }, EPROTO, "'??}{'");
  expect_broken([](FakeQemu& self) { self.say("[1, 2]\n"), self.hear(); }, EPROTO, "[1, 2]");
  expect_broken(
      [](FakeQemu& self) {
        self.say(R"({"error": {"desc": "JSON parse error"}})"
                 "\n"),
            self.hear();
      },
      EPROTO, "JSON parse error");
  expect_broken(
      [](FakeQemu& self) {
        const std::string chunk(1 << 16, ' ');
        for (size_t i = 0; i <= Qmp::kMessageBytesMax / chunk.size() + 1; i++) self.say(chunk);
      },
      EMSGSIZE, "more than");
}

TEST(Qmp, MembersOfAnotherTypeHarmNobody) {
  FakeQemu qemu([](FakeQemu& self) {
    self.say(R"({"event": 3, "data": []})"
             "\n"
             R"({"id": "x", "return": 0})"
             "\n"
             R"({"id": null})"
             "\n");
    Json command = self.hear();
    self.say(Json{{"error", "no object"}, {"id", command["id"]}}.dump() + "\n");
  });
  auto qmp = qemu.open();
  auto answer = qmp->execute("query-status", {}, kLong);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, EREMOTEIO) << answer.error().text();
}

TEST(Qmp, WhatGreetsOtherwiseIsRefused) {
  FakeQemu stranger([](FakeQemu&) {}, R"({"hello": 1})");
  auto qmp = stranger.open();
  ASSERT_FALSE(qmp);
  expect_failure(qmp.error(), EPROTO, "hello");
}

TEST(Qmp, AJobIsDoneWhenItHasConcluded) {
  FakeQemu qemu([](FakeQemu& self) {
    Json command = self.hear();
    self.job_event({{"arguments", {{"job-id", "someone-elses"}}}}, "concluded");
    self.job_event(command, "created");
    self.answer(command, Json::object());
    self.job_event(command, "running");
    self.job_event(command, "concluded");
    Json id = command["arguments"]["job-id"];
    self.answer(self.hear(), Json::array({{{"id", "other"}, {"error", "no"}}, {{"id", id}}}));
    Json dismiss = self.hear();
    EXPECT_EQ(dismiss["arguments"]["id"], id);
    self.answer(dismiss, Json::object());
  });
  auto qmp = qemu.open();
  auto done = qmp->run_job("snapshot-save", {{"tag", "one"}}, kLong);
  EXPECT_TRUE(done) << done.error().text();
}

TEST(Qmp, AJobsErrorIsTheCallers) {
  FakeQemu qemu([](FakeQemu& self) {
    Json command = self.hear();
    self.answer(command, Json::object());
    self.job_event(command, "concluded");
    self.answer(self.hear(), Json::array({{{"id", command["arguments"]["job-id"]},
                                           {"error", "No space left on device"}}}));
    self.answer(self.hear(), Json::object());
    self.hear();  // the next job never ends
    self.hear();
  });
  auto qmp = qemu.open();
  auto done = qmp->run_job("snapshot-save", Json::object(), kLong);
  ASSERT_FALSE(done);
  expect_failure(done.error(), EREMOTEIO, "snapshot-save failed in QEMU: No space left on device");
  done = qmp->run_job("snapshot-load", Json::object(), kShort);
  ASSERT_FALSE(done);
  expect_failure(done.error(), ETIMEDOUT, "snapshot-load");
}

}  // namespace
}  // namespace belay
