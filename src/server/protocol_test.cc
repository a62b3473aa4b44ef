// The parser of frames.
#include "server/protocol.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <random>

#include "base/checksum.h"
#include "learn/exchange.h"

namespace belay {
namespace {

struct Counted final : FrameSink {
  size_t frames = 0, bytes = 0;
  Status begin(const Frame& frame) override {
    bytes += frame.name.size();
    return {};
  }
  Status body(std::span<const std::byte> data) override {
    bytes += data.size();
    return {};
  }
  Status end() override {
    frames++;
    return {};
  }
};

// Goal: frames come out the same however the stream is cut, and damage of a header is noticed.
TEST(Protocol, AnyCutGivesTheSameFrames) {
  const char* seed = getenv("BELAY_SEED");
  std::mt19937_64 random(seed ? strtoull(seed, nullptr, 10) : 1);
  std::string stream;
  size_t bytes = 0;
  for (int i = 0; i < 50; i++) {
    std::string name(random() % 64, 'n'), body(random() % 300, 'b');
    stream += encode_frame(FrameType::kSet, 0, name, body);
    bytes += name.size() + body.size();
  }
  for (int round = 0; round < 50; round++) {
    Counted sink;
    FrameParser parser(4096);
    for (size_t at = 0; at < stream.size();) {
      size_t piece = std::min<size_t>(1 + random() % 100, stream.size() - at);
      ASSERT_TRUE(parser.feed(std::as_bytes(std::span(stream)).subspan(at, piece), sink));
      at += piece;
    }
    EXPECT_EQ(sink.frames, 50u);
    EXPECT_EQ(sink.bytes, bytes);
    EXPECT_FALSE(parser.inside());
  }
  for (size_t bit = 0; bit < sizeof(FrameHeader) * 8; bit++) {
    std::string damaged = encode_frame(FrameType::kGet, 0, "name", "");
    damaged[bit / 8] = char(damaged[bit / 8] ^ 1 << bit % 8);
    Counted sink;
    EXPECT_FALSE(FrameParser(4096).feed(std::as_bytes(std::span(damaged)), sink)) << bit;
  }
}

// Goal: sizes beyond the limits are refused before anything is read or reserved.
TEST(Protocol, HugeSizesAreRefused) {
  Counted sink;
  auto refused = [&](FrameType type, size_t name_bytes, uint64_t body_bytes) {
    FrameHeader header = make_header(type, 0, name_bytes, body_bytes);
    return !FrameParser(1 << 20).feed(std::as_bytes(std::span(&header, 1)), sink);
  };
  EXPECT_TRUE(refused(FrameType::kSet, 4, (1 << 20) + 1));
  EXPECT_TRUE(refused(FrameType::kSet, 4, UINT64_MAX));
  EXPECT_TRUE(refused(FrameType::kSet, 64, 1));
  EXPECT_TRUE(refused(FrameType::kSet, UINT32_MAX, 1));
  EXPECT_TRUE(refused(FrameType::kCkp, 0, kTextBytesMax + 1));
  EXPECT_FALSE(refused(FrameType::kSet, 4, 1 << 20));
  EXPECT_TRUE(refused(FrameType::kExp, 4, kExperienceBytesMax + 1));
  EXPECT_TRUE(refused(FrameType::kWts, 4, kWeightsBytesMax + 1));
}

// Goal: each field of a header is looked at, though its checksum is right.
TEST(Protocol, HeadersOfAnotherVersionAreRefused) {
  auto refused = [](auto change) {
    FrameHeader header = make_header(FrameType::kGet, 0, 4, 0);
    change(header);
    header.checksum = checksum(&header, offsetof(FrameHeader, checksum));
    return !check_header(header, 1 << 20);
  };
  EXPECT_FALSE(refused([](FrameHeader&) {}));
  EXPECT_FALSE(refused([](FrameHeader& header) { header.flags = kFlagsKnown; }));
  EXPECT_FALSE(refused([](FrameHeader& header) { header.type = kFrameTypeLast; }));
  EXPECT_FALSE(refused([](FrameHeader& header) { header.name_bytes = kFrameNameMax; }));
  EXPECT_TRUE(refused([](FrameHeader& header) { header.magic[3] = 'Z'; }));
  EXPECT_TRUE(refused([](FrameHeader& header) { header.version = 2; }));
  EXPECT_TRUE(refused([](FrameHeader& header) { header.type = 0; }));
  EXPECT_TRUE(refused([](FrameHeader& header) { header.type = kFrameTypeLast + 1; }));
  EXPECT_TRUE(refused([](FrameHeader& header) { header.flags = kFlagsKnown + 1; }));
  EXPECT_TRUE(refused([](FrameHeader& header) { header.reserved = 1; }));
  FrameHeader text = make_header(FrameType::kSet, 0, 4, kTextBytesMax);
  EXPECT_TRUE(check_header(text, 0)) << "text passes, where no file does";
}

TEST(Protocol, PlainNames) {
  using namespace std::string_view_literals;
  const std::string longest(kFrameNameMax, 'n');
  for (std::string_view name : {"a"sv, "Z"sv, "0"sv, "a.b-c_d"sv, std::string_view(longest)})
    EXPECT_TRUE(is_plain_name(name)) << name;
  for (std::string_view name : {""sv, "."sv, ".."sv, ".a"sv, "a/b"sv, "/a"sv, "a\0b"sv, "a b"sv,
                                "a\nb"sv, "\xc3\xa4"sv, "a:b"sv, "~"sv})
    EXPECT_FALSE(is_plain_name(name)) << name;
  EXPECT_FALSE(is_plain_name(longest + "n"));
}

TEST(Protocol, TextValues) {
  constexpr std::string_view kText =
      "name=a=b\nscore=1.5\nloss=nan\nunit=1.5ms\nhuge=1e999\nendless=inf\nlong";
  for (const char* key : {"unit", "huge", "endless", "long"})
    EXPECT_TRUE(std::isnan(number_value(kText, key))) << key;
  EXPECT_EQ(text_value("longer", "long"), "");
  EXPECT_EQ(text_value(std::string_view("long=er").substr(0, 4), "long"), "") << "it ends there";
  EXPECT_EQ(text_value(kText, "name"), "a=b");
  EXPECT_EQ(text_value(kText, "nam"), "");
  EXPECT_EQ(number_value(kText, "score"), 1.5);
  EXPECT_TRUE(std::isnan(number_value(kText, "loss")));
  EXPECT_TRUE(std::isnan(number_value(kText, "none")));
}

}  // namespace
}  // namespace belay
