// The terminal in which the server runs: TerminalView on the screen, keys from standard input.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "server/server_core.h"

namespace belay {

class Terminal {
 public:
  // Null where standard input or output is no terminal.
  static std::unique_ptr<Terminal> open(boost::asio::io_context& io, ServerCore& core);
  virtual ~Terminal() = default;  // the terminal is as it was
  virtual void draw() = 0;
  // Draws soon: at most ten times a second.
  virtual void changed() = 0;
};

}  // namespace belay
