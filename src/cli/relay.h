// The way to a server on TCP, by its address and the token of the environment.
#pragma once

#include <string>

#include "server/relay.h"

namespace belay::cli {

// HOST:PORT; BELAY_AU_TOKEN or the file BELAY_AU_TOKEN_FILE. A Failure when one is missing.
RelayOptions relay_to(const std::string& address);

}  // namespace belay::cli
