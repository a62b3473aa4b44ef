// The client's end of the conversation: a connection that outlives rollbacks of its own process. It
// lies in exempt memory, and so does all that it holds; its descriptor keeps its number for ever.
// One thread at a time.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "learn/model_memory.h"
#include "server/protocol.h"

namespace belay {

struct Reply {
  FrameType type = FrameType::kNo;
  uint16_t flags = 0;
  char name[kFrameNameMax + 1] = {};
  std::string_view text;  // of anything but a file; valid until the next exchange
  uint64_t body_bytes = 0;
};

class Link {
 public:
  // "unix:/path", "unix:@abstract", "port:/dev/vport0p1", "tcp:HOST:PORT".
  explicit Link(const char* address);
  ~Link();

  bool is_connected() const { return connected_; }
  // To a server that has answered SET :client with YES. Fails with EACCES when it says NO.
  Status connect(std::string_view hello);
  void disconnect();
  // The descriptor, which stays the same; -1 when there can be none.
  int fd() const { return fd_; }

  // One question, one answer. Failure: the connection is gone.
  Result<Reply> ask(FrameType type, uint16_t flags, std::string_view name,
                    std::span<const std::byte> body);
  Result<Reply> ask(FrameType type, uint16_t flags, std::string_view name, std::string_view text) {
    return ask(type, flags, name, std::as_bytes(std::span(text)));
  }
  // The same in two steps, between which the client does something else.
  Status tell(FrameType type, uint16_t flags, std::string_view name,
              std::span<const std::byte> body);
  Result<Reply> answer();
  // Behind a reply of type SET, EXP or WTS: its body.
  Status read_body(std::span<std::byte> to);
  // Whether the server has sent something unasked: its CKP.
  bool is_called();

 private:
  Status open_socket();
  Status send_all(std::span<const std::byte> data);
  Status receive(void* to, size_t bytes);
  Result<Reply> read_reply();
  tl::unexpected<Error> lost(int code);

  ModelString address_;
  int fd_ = -1;
  bool connected_ = false;
  ModelVector<char> held_;  // received, not used yet
  size_t used_ = 0, filled_ = 0;
  char text_[kTextBytesMax] = {};
};

}  // namespace belay
