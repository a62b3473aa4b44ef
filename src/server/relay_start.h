// TLS for a client, in a process of its own: keys and counters of a connection must not go back
// with the program, or a nonce would be used twice.
#pragma once

#include "base/error.h"

namespace belay {

// Starts `belay relay HOST:PORT` (BELAY_AU_RELAY: another command) and returns a socket to it. The
// token is the relay's to read, from BELAY_AU_TOKEN or the file BELAY_AU_TOKEN_FILE.
Result<int> start_relay(const char* host_and_port);

}  // namespace belay
