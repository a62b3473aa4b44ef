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

// Returns when either end has closed. Fails with EACCES when they have not the same token.
Status run_relay(const RelayOptions& options);
// Whether the server is there, and lets in who has this token.
Status try_relay(const RelayOptions& options);

}  // namespace belay
