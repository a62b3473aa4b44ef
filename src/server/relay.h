// `belay relay`: the TLS end of a client, between a Unix socket and a server on TCP.
#pragma once

#include <string>

#include "base/error.h"

namespace belay {

struct RelayOptions {
  std::string host, port, token;
  int socket = 0;       // to the client
  bool detach = false;  // once the server has let it in: the caller's process ends, a child goes on
};

// Returns when either end has closed.
Status run_relay(const RelayOptions& options);

}  // namespace belay
