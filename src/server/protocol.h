// What goes over the wire between a client and the server: docs/server_protocol.md. Knows no
// socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace belay {

enum class FrameType : uint8_t {
  kCkp = 1,
  kRes = 2,
  kYes = 3,
  kNo = 4,
  kGet = 5,
  kSet = 6,
  kExp = 7,
  kWts = 8
};
constexpr uint8_t kFrameTypeLast = 8;
std::string_view name_of(FrameType type);
// Whether its body is text, of at most kTextBytesMax, when its name is reserved or in any case.
constexpr bool is_text(FrameType type) { return type < FrameType::kExp; }

// Flags of a frame, as one word; each has a meaning in the types named only.
enum FrameFlag : uint16_t {
  kFlagOwnRequest = 1,  // CKP: the program itself asks, no user needs to
  kFlagTakeIt = 2,      // YES to CKP: the client takes the snapshot and reports it
  kFlagTaken = 4,       // YES to CKP: it has been taken
  kFlagGoBack = 8,      // YES to RES: the client goes back by itself
  kFlagRestored = 16,   // YES: the client is back at its checkpoint
  kFlagWillCall = 32,   // NO to CKP: no need to ask again before the server sends a CKP
  kFlagStepAside = 64,  // YES: the client lets go of its connection, and waits to be woken
  kFlagBack = 128,      // CKP: the client has been woken, and asks what was done
};
constexpr uint16_t kFlagsKnown = 255;

constexpr char kFrameMagic[4] = {'B', 'L', 'A', 'Y'};
constexpr uint8_t kFrameVersion = 1;

// Little-endian, followed by the name and the body.
struct FrameHeader {
  char magic[4];
  uint8_t version;
  uint8_t type;
  uint16_t flags;
  uint32_t name_bytes;
  uint32_t reserved;  // 0
  uint64_t body_bytes;
  uint64_t checksum;  // XXH3-64 of the 24 bytes before: a stream that has slipped is noticed
};
static_assert(sizeof(FrameHeader) == 32 && offsetof(FrameHeader, flags) == 6 &&
              offsetof(FrameHeader, name_bytes) == 8 && offsetof(FrameHeader, body_bytes) == 16 &&
              offsetof(FrameHeader, checksum) == 24);

constexpr size_t kFrameNameMax = 63;
// Of everything but files, experience and weights.
constexpr size_t kTextBytesMax = 4096;
constexpr uint64_t kFileBytesMaxDefault = uint64_t{4} << 30;

// Names of clients and files: 1 to 63 letters, digits, '-', '_' and '.', the first not a '.'.
bool is_plain_name(std::string_view name);

// What a SET carries that is no file begins with this.
constexpr char kReservedPrefix = ':';

FrameHeader make_header(FrameType type, uint16_t flags, size_t name_bytes, uint64_t body_bytes);
// Header and name; the body follows it.
std::string encode_frame_start(FrameType type, uint16_t flags, std::string_view name,
                               uint64_t body_bytes);
std::string encode_frame(FrameType type, uint16_t flags, std::string_view name,
                         std::string_view body);
// Everything about a header that can be said without knowing the state.
Status check_header(const FrameHeader& header, uint64_t file_bytes_max);

struct Frame {
  FrameType type;
  uint16_t flags;
  std::string_view name;
  uint64_t body_bytes;
};

// What a parser finds. An error ends the stream.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual Status begin(const Frame& frame) = 0;
  virtual Status body(std::span<const std::byte> data) = 0;  // in pieces
  virtual Status end() = 0;
};

// Cuts a stream of bytes, which may arrive in any pieces, into frames.
class FrameParser {
 public:
  explicit FrameParser(uint64_t file_bytes_max) : file_bytes_max_(file_bytes_max) {}
  Status feed(std::span<const std::byte> data, FrameSink& sink);
  // In the middle of a frame: an end of the stream here is a loss.
  bool inside() const { return started_ || held_ != 0; }

 private:
  Status begin(FrameSink& sink);

  uint64_t file_bytes_max_;
  std::byte start_[sizeof(FrameHeader) + kFrameNameMax];
  size_t held_ = 0, wanted_ = sizeof(FrameHeader);
  uint64_t left_ = 0;  // of the body
  bool started_ = false;
};

// "key=value" lines, as in the bodies of SETs whose name is reserved. The value; empty: none.
std::string_view text_value(std::string_view text, std::string_view key);
double number_value(std::string_view text, std::string_view key);  // NaN: none

}  // namespace belay
