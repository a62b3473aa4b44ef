#include "server/protocol.h"

#include <errno.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/checksum.h"
#include "base/plain_name.h"
#include "learn/exchange.h"

namespace belay {

std::string_view name_of(FrameType type) {
  constexpr std::string_view kNames[] = {"?",   "CKP", "RES", "YES", "NO",
                                         "GET", "SET", "EXP", "WTS"};
  auto index = static_cast<size_t>(type);
  return kNames[index < std::size(kNames) ? index : 0];
}

bool is_plain_name(std::string_view name) { return is_plain_name(name, kFrameNameMax); }

FrameHeader make_header(FrameType type, uint16_t flags, size_t name_bytes, uint64_t body_bytes) {
  FrameHeader header{.version = kFrameVersion,
                     .type = static_cast<uint8_t>(type),
                     .flags = flags,
                     .name_bytes = static_cast<uint32_t>(name_bytes),
                     .body_bytes = body_bytes};
  memcpy(header.magic, kFrameMagic, sizeof header.magic);
  header.checksum = checksum(&header, offsetof(FrameHeader, checksum));
  return header;
}

std::string encode_frame_start(FrameType type, uint16_t flags, std::string_view name,
                               uint64_t body_bytes) {
  FrameHeader header = make_header(type, flags, name.size(), body_bytes);
  std::string frame(reinterpret_cast<const char*>(&header), sizeof header);
  return frame.append(name);
}

std::string encode_frame(FrameType type, uint16_t flags, std::string_view name,
                         std::string_view body) {
  return encode_frame_start(type, flags, name, body.size()).append(body);
}

Status check_header(const FrameHeader& header, uint64_t file_bytes_max) {
  if (memcmp(header.magic, kFrameMagic, sizeof header.magic) != 0)
    return fail(EPROTO, "this is not Belay's protocol");
  if (header.version != kFrameVersion)
    return fail(EPROTO, "version {} of the protocol; this speaks version {}", header.version,
                kFrameVersion);
  if (header.checksum != checksum(&header, offsetof(FrameHeader, checksum)))
    return fail(EPROTO, "a frame's header is damaged");
  if (header.type < 1 || header.type > kFrameTypeLast)
    return fail(EPROTO, "no frame type {}", header.type);
  if (header.flags > kFlagsKnown || header.reserved != 0)
    return fail(EPROTO, "a frame with flags of another version");
  if (header.name_bytes > kFrameNameMax)
    return fail(ENAMETOOLONG, "a name of {} bytes, at most {}", header.name_bytes, kFrameNameMax);
  uint64_t most = kTextBytesMax;
  if (auto type = static_cast<FrameType>(header.type); type == FrameType::kSet) {
    most = std::max<uint64_t>(file_bytes_max, kTextBytesMax);
  } else if (!is_text(type)) {
    most = type == FrameType::kExp ? kExperienceBytesMax : kWeightsBytesMax;
  }
  if (header.body_bytes > most)
    return fail(EMSGSIZE, "{} of {} bytes, at most {}",
                name_of(static_cast<FrameType>(header.type)), header.body_bytes, most);
  return {};
}

Status FrameParser::feed(std::span<const std::byte> data, FrameSink& sink) {
  while (!data.empty()) {
    if (!started_) {
      size_t taken = std::min(wanted_ - held_, data.size());
      memcpy(start_ + held_, data.data(), taken);
      held_ += taken;
      data = data.subspan(taken);
      if (held_ < wanted_) return {};
      BELAY_TRY(begin(sink));
    } else {
      size_t taken = std::min<uint64_t>(left_, data.size());
      BELAY_TRY(sink.body(data.first(taken)));
      left_ -= taken;
      data = data.subspan(taken);
    }
    if (started_ && left_ == 0) {
      started_ = false;
      held_ = 0;
      wanted_ = sizeof(FrameHeader);
      BELAY_TRY(sink.end());
    }
  }
  return {};
}

// pre: what was wanted is held: the header, or the header and the name.
Status FrameParser::begin(FrameSink& sink) {
  FrameHeader header;
  memcpy(&header, start_, sizeof header);
  if (wanted_ == sizeof header) {
    BELAY_TRY(check_header(header, file_bytes_max_));
    wanted_ += header.name_bytes;
    if (held_ < wanted_) return {};
  }
  started_ = true;
  left_ = header.body_bytes;
  auto name = reinterpret_cast<const char*>(start_ + sizeof header);
  return sink.begin({static_cast<FrameType>(header.type), header.flags,
                     std::string_view(name, header.name_bytes), header.body_bytes});
}

std::string_view text_value(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == '=')
      return line.substr(key.size() + 1);
  }
  return {};
}

double number_value(std::string_view text, std::string_view key) {
  std::string_view value = text_value(text, key);
  double number = NAN;
  auto end = std::from_chars(value.data(), value.data() + value.size(), number);
  bool whole = end.ec == std::errc() && end.ptr == value.data() + value.size();
  return whole && std::isfinite(number) ? number : NAN;
}

}  // namespace belay
