// Connections of which something is awaited: that they prove who they are, say what they want, take
// their answer. Who is late is closed; when there are too many, the one that has waited longest, so
// that the silent keep nobody out. Knows no clock: tick() brings it. From one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>

namespace belay {

// Of one listener: in the middle of a handshake, a request or a command.
constexpr size_t kUnheardMax = 256;

class WaitingList {
 public:
  using Ticket = uint64_t;
  using Close = std::function<void()>;

  WaitingList(size_t most, uint64_t limit_ms) : most_(most), limit_ms_(limit_ms) {}
  WaitingList(const WaitingList&) = delete;

  // `close` is called at most once, and not after done(). It is not to keep alive what it closes.
  Ticket begin(Close close);
  // What was awaited has come. Of one that has been closed: nothing.
  void done(Ticket ticket) { waiting_.erase(ticket); }
  // Once a second; the time of one that is new counts from here.
  void tick(uint64_t now_ms);

 private:
  struct Waiting {
    Close close;
    uint64_t since_ms = 0;  // 0: no tick has seen it yet
  };
  void close_first();

  size_t most_;
  uint64_t limit_ms_;
  Ticket last_ = 0;
  std::map<Ticket, Waiting> waiting_;  // in the order in which they came
};

}  // namespace belay
