// The server dies, by SIGKILL or with the power, before each of its changes of the disk, and finds
// the disk full at each of them, while a client goes through all that there is to ask for: what was
// confirmed is there, nothing is half, nothing is left over.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "server/server_process.h"

namespace belay {
namespace {

using Json = nlohmann::json;
using Strike = StrikingOs::Strike;
namespace fs = std::filesystem;

constexpr size_t kSnapshotsMax = 2;
// Until what is no hurry for the server must have been done.
constexpr int kAskedMax = 20'000;

// What a client and its user have been told.
struct Truth {
  std::vector<std::string> snapshots;
  std::set<std::string> pinned;
  std::string goal, file;
  bool operator==(const Truth&) const = default;
};
void PrintTo(const Truth& truth, std::ostream* out) {
  *out << Json({truth.snapshots, truth.pinned, truth.goal, truth.file});
}

// A driver whose snapshots are files: they stay when the server goes. It may die around each call.
class FileDriver final : public SnapshotDriver {
 public:
  FileDriver(std::string folder, StrikingOs& os) : folder_(std::move(folder)), os_(os) {}
  std::string_view name() const override { return "vm"; }
  Status take(const std::string& id) override {
    BELAY_TRY(os_.pass());
    Fd(open((folder_ + "/" + id).c_str(), O_CREAT | O_EXCL, 0600));
    (void)os_.pass();
    return {};
  }
  Status restore(const std::string& id) override {
    BELAY_TRY(os_.pass());
    if (access((folder_ + "/" + id).c_str(), F_OK) != 0) return fail(ENOENT, "no {}", id);
    if (!fs::is_empty(folder_ + "/" + id)) return fail(EIO, "{} is damaged", id);
    (void)os_.pass();
    return start_anew();
  }
  Status remove(const std::string& id) override {
    BELAY_TRY(os_.pass());
    if (unlink((folder_ + "/" + id).c_str()) != 0) return fail(errno, "no {}", id);
    (void)os_.pass();
    return {};
  }
  std::vector<std::string> list() const override {
    std::vector<std::string> ids;
    for (const auto& entry : fs::directory_iterator(folder_))
      ids.push_back(entry.path().filename());
    return ids;
  }
  bool is_standing() const override { return fs::exists(folder_ + "-stand"); }
  Status start_anew() override {
    fs::remove(folder_ + "-stand");
    return {};
  }

 private:
  std::string folder_;
  StrikingOs& os_;
};

// A client, its user, and what both have been told.
class Story {
 public:
  Story(const std::string& folder, Strike strike, bool machine)
      : server_(folder), folder_(folder), strike_(strike), machine_(machine) {
    fs::create_directories(folder_ + "/images");
    if (!machine) return;
    port_ = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name = socket_name(folder_ + "/port");
    BELAY_CHECK(bind(port_.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
    BELAY_CHECK(listen(port_.get(), 5) == 0);
  }

  // All that there is to ask for, of a server that is struck at its change `number`. What it
  // refuses is asked for once more. False: it was not struck.
  bool play(uint64_t number) {
    (void)(start(number) && twice([&] { return greet(); }) && set("first") && take() &&
           set("second") && go_back() && take() && change("pin", 0) && take() && get() &&
           change("select", 0) && go_back() && change("delete", 1) && take());
    return server_.changes() > number;
  }

  // What a server knows that is started now, and that it goes on from there.
  void look_back() {
    server_.kill();
    ASSERT_TRUE(start(StrikingOs::kNever));
    ASSERT_TRUE(!machine_ || greet()) << "only now it is known what the driver has";
    Truth found = look();
    if (may_be_taken_ && !found.snapshots.empty()) unsure_ = with(found.snapshots.back());
    if (!unsure_ || found != *unsure_) {
      EXPECT_EQ(found, now_);
    }
    now_ = found;
    ASSERT_TRUE(machine_ || (greet() && settle()));
    unsure_.reset();
    ASSERT_TRUE(set("third") && take() && take() && change("pin", 1));
    EXPECT_EQ(look(), now_);
    expect_nothing_left();
  }
  // The same server, which has refused something.
  void go_on() {
    ASSERT_TRUE(refusals_ == 0 || why_.find("No space left") != std::string::npos) << why_;
    ASSERT_TRUE(set("later") && take());
    EXPECT_EQ(look(), now_);
    expect_nothing_left();
  }
  bool is_started() const { return server_.pid() != 0; }

  // A machine that is killed, and one that is started in its place: the server finds it by itself,
  // and lists no snapshot that went with the first one.
  void lose_the_machine() {
    ASSERT_TRUE(start(StrikingOs::kNever) && greet() && take() && set("model"));
    peer_.hang_up();
    for (const std::string& image : images()) fs::remove(folder_ + "/images/" + image);
    accepted_ = false;
    ASSERT_TRUE(greet());
    EXPECT_EQ(look(), (Truth{.file = "model"}));
    ASSERT_TRUE(take() && go_back() && get());
  }

  // It is started again beside its snapshots, the last of which is damaged, and then beside none.
  void bring_the_machine_back() {
    ASSERT_TRUE(start(StrikingOs::kNever) && greet() && set("model") && take() && take());
    std::ofstream(folder_ + "/images/" + now_.snapshots[1]) << "damage";
    stand();
    peer_ = Peer(Fd(accept(port_.get(), nullptr, nullptr)));
    auto heard = peer_.hear();
    ASSERT_TRUE(heard.has_value());
    EXPECT_EQ(heard->flags, kFlagRestored) << heard->body;
    now_.goal = now_.snapshots[0];
    EXPECT_EQ(heard->name, now_.goal);
    EXPECT_EQ(look(), now_);
    ASSERT_TRUE(get() && go_back() && take());
    for (const std::string& image : images()) fs::remove(folder_ + "/images/" + image);
    stand();
    accepted_ = false;
    ASSERT_TRUE(greet());
    EXPECT_FALSE(fs::exists(folder_ + "/images-stand")) << "it was not started";
    EXPECT_EQ(look(), (Truth{.file = "model"}));
  }

 private:
  void stand() {
    std::ofstream(folder_ + "/images-stand");
    peer_.hang_up();
  }
  bool start(uint64_t number) {
    accepted_ = false;
    return server_.start(strike_, number, [&](ServerOptions& options, StrikingOs& os) {
      auto find = [&os, images = folder_ + "/images"]() -> Result<std::unique_ptr<SnapshotDriver>> {
        return std::make_unique<FileDriver>(images, os);
      };
      if (machine_) options.attached.push_back({folder_ + "/port", find().value(), find});
    });
  }

  // What the server says of a change after which `after` is true.
  bool judge(const std::optional<Heard>& heard, Truth after) {
    if (!heard) {
      unsure_ = std::move(after);
      return false;
    }
    forget(heard->body);
    if (heard->type == FrameType::kYes) now_ = std::move(after);
    if (heard->type == FrameType::kNo) refuse(heard->body);
    return true;
  }
  void refuse(const std::string& why) {
    refusals_++;
    why_ = why;
  }
  template <class Ask>
  bool twice(Ask ask) {
    int before = refusals_;
    return ask() && (refusals_ == before || ask());
  }

  bool greet() {
    if (!machine_) peer_ = server_.connect();
    if (machine_ && !std::exchange(accepted_, true))
      peer_ = Peer(Fd(accept(port_.get(), nullptr, nullptr)));
    return judge(peer_.ask(FrameType::kSet, ":client",
                           machine_ ? "name=k\ndriver=vm\ninstance=i\n"
                                    : "name=k\ndriver=savepoint\ninstance=i\n"),
                 now_);
  }
  bool set(const std::string& contents) {
    Truth after = now_;
    after.file = contents;
    auto put = [&] {
      bool heard = judge(peer_.ask(FrameType::kSet, "m.model", contents), after);
      // Too late to keep the old one: the error says so.
      if (heard && why_.find("has been replaced") != std::string::npos) now_.file = look().file;
      EXPECT_TRUE(!heard || look().file == now_.file) << "the old one until there is a new one";
      return heard;
    };
    return twice(put);
  }
  bool get() {
    auto heard = peer_.ask(FrameType::kGet, "m.model");
    EXPECT_TRUE(!heard || heard->body == now_.file);
    return heard.has_value();
  }
  bool take() {
    return twice([&] {
      auto told = peer_.ask(FrameType::kCkp, "", "", kFlagOwnRequest);
      if (!told || told->type == FrameType::kNo) {
        if (told) refuse(told->body);
        may_be_taken_ = !told && machine_;
        return told.has_value();
      }
      forget(told->body);
      held_.insert(told->name);
      Truth after = with(told->name);
      if ((told->flags & kFlagTaken) != 0) return judge(told, after);
      auto heard = peer_.ask(FrameType::kSet, ":snapshot", "id=" + told->name + "\n");
      if (heard && heard->type == FrameType::kNo) held_.erase(told->name);
      return judge(heard, after);
    });
  }
  bool go_back() {
    return twice([&] {
      auto told = peer_.ask(FrameType::kRes);
      if (told && told->type == FrameType::kNo) refuse(told->body);
      if (!told || told->type == FrameType::kNo) return told.has_value();
      EXPECT_EQ(told->name, now_.goal);
      EXPECT_TRUE(held_.contains(told->name)) << "a snapshot that the client has been told to drop";
      forget(told->body);
      return true;
    });
  }
  // By the user; of the snapshot with this index.
  bool change(const std::string& what, size_t index) {
    Truth after = now_;
    const std::string id = now_.snapshots.at(index);
    if (what == "pin") after.pinned.insert(id);
    if (what == "select") after.goal = id;
    if (what == "delete") std::erase(after.snapshots, id);
    if (what == "delete" && after.goal == id) after.goal = after.snapshots.back();
    Json answer = server_.control(what, "k", id);
    if (!answer.is_object()) {
      unsure_ = after;
      return false;
    }
    // Where the disk is full, it is so all the same, and is written later.
    if (!answer["ok"]) refuse(answer["error"]);
    now_ = after;
    return true;
  }

  // A snapshot whose answer was lost with the connection: listed or not, the server knows.
  bool settle() {
    for (const std::string& id : std::set<std::string>(held_)) {
      auto heard = peer_.ask(FrameType::kSet, ":snapshot", "id=" + id + "\n");
      if (!heard) return false;
      forget(heard->body);
      if (heard->type == FrameType::kNo) held_.erase(id);
    }
    return true;
  }
  // Of one more. The oldest that is not pinned goes.
  Truth with(const std::string& id) const {
    Truth after = now_;
    after.snapshots.push_back(id);
    after.goal = id;
    trim(after);
    return after;
  }
  static void trim(Truth& truth) {
    for (size_t i = 0; truth.snapshots.size() > kSnapshotsMax; i++)
      if (!truth.pinned.contains(truth.snapshots[i]))
        truth.snapshots.erase(truth.snapshots.begin() + long(i--));
  }
  void forget(std::string_view text) {
    for (std::string_view id; !(id = text_value(text, "drop")).empty();) {
      held_.erase(std::string(id));
      text.remove_prefix(text.find(id) + id.size());
    }
  }

  Truth look() const {
    Truth found;
    const Json state = server_.control("state");
    for (const Json& client : state.at("clients")) {
      if (client["goal"].is_string()) found.goal = client["goal"];
      for (const Json& snapshot : client["snapshots"]) {
        found.snapshots.push_back(snapshot["id"]);
        if (snapshot["pinned"]) found.pinned.insert(std::string(snapshot["id"]));
      }
    }
    trim(found);  // to make room is not urgent
    std::ifstream file(server_.state() + "/clients/k/files/m.model");
    found.file.assign(std::istreambuf_iterator<char>(file), {});
    return found;
  }
  void expect_nothing_left() {
    // What is to be forgotten comes with some answer; what is to be removed, soon.
    const std::set<std::string> listed(now_.snapshots.begin(), now_.snapshots.end());
    auto left = [&] { return machine_ ? images() : held_; };
    for (int asked = 0; left() != listed; asked++) {
      auto heard = peer_.ask(FrameType::kCkp);
      ASSERT_TRUE(heard.has_value());
      forget(heard->body);
      ASSERT_LT(asked, kAskedMax) << Json(left()) << " instead of " << Json(listed);
    }
    for (const auto& entry : fs::recursive_directory_iterator(server_.state()))
      EXPECT_FALSE(entry.path().filename().string().starts_with(".new-")) << entry.path();
  }
  std::set<std::string> images() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_ + "/images"))
      found.insert(entry.path().filename());
    return found;
  }

  ServerProcess server_;
  std::string folder_;
  Strike strike_;
  bool machine_, accepted_ = false;
  Fd port_;
  Peer peer_{Fd()};
  Truth now_;
  std::optional<Truth> unsure_;  // if what was asked for last was done all the same
  bool may_be_taken_ = false;    // under a name that the client has not heard
  std::set<std::string> held_;   // the client's snapshots
  int refusals_ = 0;
  std::string why_;
};

class ServerFaults : public testing::TestWithParam<std::tuple<Strike, bool>> {};

uint64_t number_in(const char* variable, uint64_t otherwise) {
  const char* text = getenv(variable);
  return text == nullptr ? otherwise : strtoull(text, nullptr, 10);
}

// Goal: at each change of the disk, or call of the driver, in turn. A third of them by default,
// which BELAY_SEED chooses; all of them with --full.
TEST_P(ServerFaults, AtEveryChange) {
  auto [strike, machine] = GetParam();
  const uint64_t step = number_in("BELAY_TEST_FULL", 0) == 1 ? 1 : 3;
  uint64_t number = number_in("BELAY_SEED", 1) % step;
  for (bool struck = true; struck && !HasFailure(); number += step) {
    std::string folder = testing::TempDir() + "belay-faults-XXXXXX";
    BELAY_CHECK(mkdtemp(folder.data()) != nullptr);
    SCOPED_TRACE(fmt::format("change {}, in {}", number, folder));
    {
      Story story(folder, strike, machine);
      struck = story.play(number);
      if (struck && strike == Strike::kFullDisk && story.is_started()) story.go_on();
      if (!HasFailure()) story.look_back();
    }
    if (!HasFailure()) fs::remove_all(folder);
  }
  printf("up to change %lu, in steps of %lu\n", number - step, step);
  EXPECT_GT(number, 50u) << "hardly any change was seen";
}

void play_with_machine(void (Story::*scene)()) {
  std::string folder = testing::TempDir() + "belay-faults-XXXXXX";
  BELAY_CHECK(mkdtemp(folder.data()) != nullptr);
  (Story(folder, Strike::kKill, true).*scene)();
  fs::remove_all(folder);
}
TEST(ServerMachine, IsKilledAndAnotherTakesItsPlace) {
  play_with_machine(&Story::lose_the_machine);
}
TEST(ServerMachine, IsKilledAndStartedAgain) { play_with_machine(&Story::bring_the_machine_back); }

// Goal: what the user changes while the disk is full reaches it by itself when there is room.
TEST(ServerDisk, WhatCouldNotBeWrittenIsWrittenLater) {
  std::string folder = testing::TempDir() + "belay-faults-XXXXXX";
  BELAY_CHECK(mkdtemp(folder.data()) != nullptr);
  uint64_t full_at = StrikingOs::kNever;
  for (bool fills : {false, true}) {
    ServerProcess server(folder);
    ASSERT_TRUE(server.start(Strike::kFullDisk, full_at));
    Peer peer = server.connect();
    ASSERT_TRUE(peer.ask(FrameType::kSet, ":client", "name=k\ndriver=savepoint\ninstance=i\n"));
    auto told = peer.ask(FrameType::kCkp, "", "", kFlagOwnRequest);
    ASSERT_TRUE(told && peer.ask(FrameType::kSet, ":snapshot", "id=" + told->name + "\n"));
    full_at = server.changes();  // of the next one
    EXPECT_EQ(server.control("pin", "k", told->name).at("ok"), !fills);
    auto is_written = [&] {
      std::ifstream file(server.state() + "/clients/k/client.json");
      return std::string(std::istreambuf_iterator<char>(file), {}).find("\"pinned\":true") !=
             std::string::npos;
    };
    for (int asked = 0; fills && !is_written(); asked++) {
      ASSERT_TRUE(server.control("state").is_object());
      ASSERT_LT(asked, kAskedMax);
    }
    EXPECT_TRUE(is_written());
    server.kill();
    fs::remove_all(server.state());
  }
  fs::remove_all(folder);
}

// A driver whose machine has stopped to answer.
class StuckDriver final : public SnapshotDriver {
 public:
  std::string_view name() const override { return "vm"; }
  Status take(const std::string&) override {
    for (;;) pause();
  }
  Status restore(const std::string&) override { return {}; }
  Status remove(const std::string&) override { return {}; }
  std::vector<std::string> list() const override { return {}; }
};

// Goal: machines that hang are their programs' trouble, and nobody else's.
TEST(ServerMachine, ThatHangsKeepsNobodyWaiting) {
  std::string folder = testing::TempDir() + "belay-faults-XXXXXX";
  BELAY_CHECK(mkdtemp(folder.data()) != nullptr);
  {
    constexpr int kMachines = 3;
    ServerProcess server(folder);
    std::vector<Fd> ports;
    for (int i = 0; i < kMachines; i++) {
      sockaddr_un name = socket_name(fmt::format("{}/port{}", folder, i));
      ports.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      ASSERT_EQ(bind(ports[i].get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
      ASSERT_EQ(listen(ports[i].get(), 1), 0);
    }
    ASSERT_TRUE(server.start(Strike::kKill, StrikingOs::kNever, [&](ServerOptions& options, auto&) {
      for (int i = 0; i < kMachines; i++)
        options.attached.push_back(
            {fmt::format("{}/port{}", folder, i), std::make_unique<StuckDriver>(), nullptr});
    }));
    std::vector<Peer> machines;
    for (int i = 0; i < kMachines; i++) {
      Peer& machine = machines.emplace_back(Fd(accept(ports[i].get(), nullptr, nullptr)));
      const std::string hello = fmt::format("name=m{}\ndriver=vm\ninstance=i\n", i);
      ASSERT_TRUE(machine.ask(FrameType::kSet, ":client", hello));
      ASSERT_TRUE(machine.send(encode_frame(FrameType::kCkp, kFlagOwnRequest, "", "")));
    }
    Peer other = server.connect();
    ASSERT_TRUE(other.ask(FrameType::kSet, ":client", "name=o\ndriver=savepoint\ninstance=i\n"));
    auto stored = other.ask(FrameType::kSet, "m.model", std::string(1 << 20, 'm'));
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->type, FrameType::kYes);
  }
  fs::remove_all(folder);
}

std::string name_of_case(const testing::TestParamInfo<std::tuple<Strike, bool>>& info) {
  auto [strike, machine] = info.param;
  std::string name = strike == Strike::kKill ? "Kill" : "PowerCut";
  return (strike == Strike::kFullDisk ? "FullDisk" : name) + (machine ? "Driver" : "Savepoint");
}
INSTANTIATE_TEST_SUITE_P(Server, ServerFaults,
                         testing::Combine(testing::Values(Strike::kKill, Strike::kPowerCut,
                                                          Strike::kFullDisk),
                                          testing::Bool()),
                         name_of_case);

}  // namespace
}  // namespace belay
