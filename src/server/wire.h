// A stream of bytes to one client, whatever carries it. All calls and callbacks on one thread.
#pragma once

#include <functional>
#include <span>

#include "base/error.h"

namespace belay {

class Wire {
 public:
  using OnData = std::function<void(Result<std::span<const std::byte>>)>;
  using OnReady = std::function<void(Status)>;

  virtual ~Wire() = default;
  // What comes next; an empty span is the end. The data is valid during the callback. One at a
  // time.
  virtual void read(OnData on_data) = 0;
  // Writes what can be written without waiting, and says how much that was.
  virtual Result<size_t> write_some(std::span<const std::byte> data) = 0;
  // Calls when write_some() may get further. One at a time.
  virtual void when_writable(OnReady on_ready) = 0;
  // Callbacks that are pending are dropped.
  virtual void close() = 0;
};

}  // namespace belay
