// libFuzzer: any bytes, cut in any way, between any events: no crash, and the invariants hold.
#include <cstdlib>

#include "base/check.h"
#include "server/session.h"

namespace belay {
namespace {

class BlindHost final : public SessionHost {
 public:
  bool in_file = false;
  void send(FrameType, uint16_t, std::string_view name, std::string_view body) override {
    BELAY_CHECK(name.size() <= kFrameNameMax && body.size() <= kTextBytesMax);
  }
  void send_shared(FrameType, std::string_view, Hub::Body body) override {
    BELAY_CHECK(body != nullptr);
  }
  Status send_file(const Client&, std::string_view name) override {
    BELAY_CHECK(is_plain_name(name));
    return {};
  }
  Status begin_file(const Client&, std::string_view name, uint64_t) override {
    BELAY_CHECK(is_plain_name(name) && !in_file);
    in_file = true;
    return {};
  }
  Status file_data(std::span<const std::byte>) override {
    BELAY_CHECK(in_file);
    return {};
  }
  void commit_file() override { in_file = false; }
  void abandon_file() override { in_file = false; }
  Result<bool> takes_snapshots(std::string_view driver) override { return driver == "vm"; }
  void take(const std::string&) override {}
  void restore(const std::string&) override {}
  void commit(Client&) override {}
  void save(Client&) override {}
  void while_aside(Client&) override {}
  uint64_t now_unix_ms() override { return 1; }
};

// Chooses which event comes after a piece of the stream.
void happen(unsigned choice, Session& session) {
  Status failed = fail(EIO, "no");
  if (choice == 1) session.on_committed({});
  if (choice == 2) session.on_taken({});
  if (choice == 3) session.on_restored({});
  if (choice == 4) session.on_stored({});
  if (choice == 5) session.on_committed(failed);
  if (choice == 6 && session.client() != nullptr) {
    session.client()->asked = true;
    session.on_asked();
  }
  if (choice == 7) {
    session.on_taken(failed);
    session.on_tick();
  }
}

// Bytes are frames as they are, or, where the first bit says so, bodies of frames that are right.
void run(std::span<const std::byte> data) {
  Catalog catalog({.snapshots_max = 4, .curve_points_max = 8}, "f");
  Hub hub;
  BlindHost host, other_host;
  Session session(catalog, hub, host);
  FrameParser parser(1 << 16);
  // Somebody to meet: what the first byte says, from the beginning.
  Session other(catalog, hub, other_host);
  FrameParser other_parser(1 << 16);
  auto say = [&](FrameType type, std::string_view name, std::string_view body) {
    std::string frame = encode_frame(type, 0, name, body);
    (void)other_parser.feed(std::as_bytes(std::span(frame)), other);
  };
  if (!data.empty() && data[0] != std::byte{0}) {
    say(FrameType::kSet, ":client", "name=o\ndriver=none\ninstance=i\n");
    data[0] > std::byte{127} ? say(FrameType::kWts, "x.model", "w")
                             : say(FrameType::kExp, "x.model", "e");
    if (data[0] > std::byte{191}) say(FrameType::kGet, ":experience", "");
  }
  while (data.size() >= 2) {
    auto choice = static_cast<unsigned>(data[0]);
    size_t bytes = std::min<size_t>(static_cast<unsigned>(data[1]), data.size() - 2);
    auto piece = data.subspan(2, bytes);
    data = data.subspan(2 + bytes);
    Status fed;
    if ((choice & 8) != 0) {
      constexpr const char* kNames[] = {"",         "x.model", ":client",    ":snapshot",
                                        ":metrics", "../x",    ":experience"};
      std::string_view text(reinterpret_cast<const char*>(piece.data()), piece.size());
      auto type = FrameType(1 + (choice >> 4) % kFrameTypeLast);
      std::string frame = encode_frame(type, uint16_t(choice >> 7), kNames[piece.size() % 7], text);
      if (choice >> 4 == 15)
        frame = encode_frame(FrameType::kSet, 0, ":client", "name=a\ndriver=vm\ninstance=b\n");
      fed = parser.feed(std::as_bytes(std::span(frame)), session);
    } else {
      fed = parser.feed(piece, session);
    }
    if (!fed) return;
    happen(choice & 7, session);
    for (auto& [name, client] : catalog.clients())
      BELAY_CHECK(is_plain_name(name) && client.snapshots.size() <= 4 && client.curve.size() <= 9);
  }
}

}  // namespace
}  // namespace belay

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  belay::run(std::as_bytes(std::span(data, bytes)));
  return 0;
}
