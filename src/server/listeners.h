// Ways in besides the Unix sockets. Each lives as long as it listens.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "server/server_core.h"
#include "server/wire.h"

namespace belay {

class Listener {
 public:
  virtual ~Listener() = default;
  virtual uint16_t port() const = 0;
};

}  // namespace belay
