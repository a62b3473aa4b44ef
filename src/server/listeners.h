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
  // Once a second: closes who says too little, or takes too little, for too long.
  virtual void tick(uint64_t now_ms) = 0;
};

// TLS 1.3 on HOST:PORT; a client that has proved that it knows the token is handed on, and has
// `greeting_ms` for that.
Result<std::shared_ptr<Listener>> listen_tls(boost::asio::io_context& io,
                                             const std::string& address, const std::string& token,
                                             uint64_t greeting_ms,
                                             std::function<void(std::unique_ptr<Wire>)> on_client);

// The web page on 127.0.0.1, its files from `folder`. Port 0: any.
Result<std::shared_ptr<Listener>> serve_http(boost::asio::io_context& io, ServerCore& core,
                                             uint16_t port, const std::string& token,
                                             const std::string& folder);

}  // namespace belay
