// A connection whose clock and wire are the test's: who stands still is closed, who only has
// nothing to say is not, and who does not read holds nobody up and costs no memory.
#include "server/connection.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "server/test_core.h"

namespace belay {
namespace {

// A wire on which the test says what comes and how much goes.
struct TestWire {
  Wire::OnData on_data;
  Wire::OnReady on_ready;
  size_t room = SIZE_MAX;  // what the peer still takes
  std::string sent;
  bool closed = false;

  void hear(std::string_view bytes) {
    auto heard = std::exchange(on_data, nullptr);
    ASSERT_TRUE(heard) << "nobody listens";
    heard(std::as_bytes(std::span(bytes)));
  }
  void make_room(size_t bytes) {
    room += bytes;
    if (auto ready = std::exchange(on_ready, nullptr)) ready({});
  }
};

class WireEnd final : public Wire {
 public:
  explicit WireEnd(TestWire& wire) : wire_(wire) {}
  void read(OnData on_data) override { wire_.on_data = std::move(on_data); }
  Result<size_t> write_some(std::span<const std::byte> data) override {
    size_t bytes = std::min(data.size(), wire_.room);
    if (wire_.room != SIZE_MAX) wire_.room -= bytes;
    wire_.sent.append(reinterpret_cast<const char*>(data.data()), bytes);
    return bytes;
  }
  void when_writable(OnReady on_ready) override { wire_.on_ready = std::move(on_ready); }
  void close() override {
    wire_.closed = true;
    wire_.on_data = nullptr;
    wire_.on_ready = nullptr;
  }

 private:
  TestWire& wire_;
};

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    connection = std::make_shared<Connection>(core, std::make_unique<WireEnd>(wire), nullptr, 0);
    connection->start();
  }
  ~ConnectionTest() override {
    connection->close();
    std::filesystem::remove_all(folder);
  }
  void after(uint64_t ms) {
    core.now_ms += ms;
    connection->tick(core.now_ms);
  }
  void greet() {
    wire.hear(
        encode_frame(FrameType::kSet, 0, ":client", "name=k\ndriver=savepoint\ninstance=i\n"));
  }

  static constexpr uint64_t kGreeting = 100, kStalled = 300;
  std::string folder = make_test_folder();
  TestCore core{StateFolder::open(real_os(), folder).value(),
                {.files_max = 2, .greeting_ms = kGreeting, .stalled_ms = kStalled}};
  TestWire wire;
  std::shared_ptr<Connection> connection;
};

TEST_F(ConnectionTest, WhoDoesNotGreetIsToldAndClosed) {
  after(kGreeting);
  EXPECT_FALSE(wire.closed);
  after(1);
  EXPECT_TRUE(wire.closed);
  EXPECT_NE(wire.sent.find("no SET :client"), std::string::npos);
}

TEST_F(ConnectionTest, AGreetingInPiecesHasTheSameTime) {
  after(kGreeting - 1);
  wire.hear("BL");
  after(2);
  EXPECT_TRUE(wire.closed);
}

TEST_F(ConnectionTest, WhoHangsUpIsClosed) {
  greet();
  wire.hear("");
  EXPECT_TRUE(wire.closed);
  EXPECT_FALSE(core.catalog().find("k")->connected);
}

TEST_F(ConnectionTest, WhoIsOutOfOrderIsToldOnce) {
  greet();
  wire.sent.clear();
  greet();
  EXPECT_TRUE(wire.closed);
  const std::string why = "SET :client a second time";
  EXPECT_EQ(wire.sent, encode_frame(FrameType::kNo, 0, "", why));
}

TEST_F(ConnectionTest, WhoAsksAndAsksWithoutReadingIsClosed) {
  greet();
  wire.room = 0;
  std::string many;
  for (int i = 0; i < 100; i++) many += encode_frame(FrameType::kCkp, 0, "", "");
  wire.hear(many);
  EXPECT_TRUE(wire.closed);
}

TEST_F(ConnectionTest, SoManyFilesAndNoMore) {
  greet();
  auto set = [&](const char* name) {
    wire.sent.clear();
    wire.hear(encode_frame(FrameType::kSet, 0, name, "model"));
    return wire.sent == encode_frame(FrameType::kYes, 0, name, "");
  };
  EXPECT_TRUE(set("a") && set("b"));
  EXPECT_FALSE(set("c"));
  EXPECT_TRUE(set("b")) << "one that is there is replaced";
  EXPECT_EQ(core.folder().count_files("k"), 2u);
}

TEST_F(ConnectionTest, AMachinesProgramGreetsWhenItLikes) {
  TestWire port;
  auto machine = std::make_shared<Connection>(core, std::make_unique<WireEnd>(port),
                                              std::make_shared<DriverSlot>(), 0);
  machine->start();
  core.now_ms += 100 * kGreeting;
  machine->tick(core.now_ms);
  EXPECT_FALSE(port.closed);
  machine->close();
}

TEST_F(ConnectionTest, AClientMayBeSilentForEver) {
  greet();
  for (int day = 0; day < 10; day++) after(86'400'000);
  EXPECT_FALSE(wire.closed);
  wire.hear(encode_frame(FrameType::kCkp, 0, "", ""));
  EXPECT_FALSE(wire.closed);
}

TEST_F(ConnectionTest, WhoStandsStillInAFrameIsClosedAndLeavesNoFile) {
  greet();
  wire.hear(encode_frame_start(FrameType::kSet, 0, "m.model", 1000) + "half");
  after(kStalled);
  wire.hear("more");  // it moves
  after(kStalled);
  EXPECT_FALSE(wire.closed);
  after(1);
  EXPECT_TRUE(wire.closed);
  EXPECT_EQ(core.folder().count_files("k"), 0u);
  for (const auto& entry : std::filesystem::directory_iterator(core.folder().files_of("k")))
    ADD_FAILURE() << entry.path();
}

TEST_F(ConnectionTest, WhoDoesNotReadIsNotListenedToAndClosedInTheEnd) {
  greet();
  wire.hear(encode_frame(FrameType::kSet, 0, "m.model", std::string(100'000, 'x')));
  wire.room = 0;
  wire.hear(encode_frame(FrameType::kGet, 0, "m.model", ""));
  EXPECT_FALSE(wire.on_data) << "it may ask for more without reading, and fill the memory";
  after(kStalled);
  wire.make_room(1);  // slow is not still
  after(kStalled);
  EXPECT_FALSE(wire.closed);
  after(1);
  EXPECT_TRUE(wire.closed);
}

TEST_F(ConnectionTest, WhoReadsLateGetsAllOfIt) {
  greet();
  std::string model(100'000, 'x');
  wire.hear(encode_frame(FrameType::kSet, 0, "m.model", model));
  wire.room = 0;
  wire.sent.clear();
  wire.hear(encode_frame(FrameType::kGet, 0, "m.model", ""));
  while (!wire.on_data) {
    after(kStalled);
    ASSERT_FALSE(wire.closed);
    wire.make_room(1000);
  }
  EXPECT_EQ(wire.sent, encode_frame(FrameType::kSet, 0, "m.model", model));
}

}  // namespace
}  // namespace belay
