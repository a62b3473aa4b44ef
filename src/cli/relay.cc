// belay relay HOST:PORT: what libbelay_learn starts for BELAY_AU_SERVER=tcp:HOST:PORT.
#include "cli/relay.h"

#include <stdlib.h>

#include <fstream>
#include <memory>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/server_paths.h"

namespace belay::cli {
namespace {

int relay(const RelayOptions& options) {
  RelayOptions complete = relay_to(options.host);
  complete.detach = options.detach;
  require(run_relay(complete));
  return 0;
}

}  // namespace

RelayOptions relay_to(const std::string& address) {
  size_t colon = address.rfind(':');
  if (colon == std::string::npos) throw Failure(kExitUsage, address + " is not HOST:PORT");
  RelayOptions options{.host = address.substr(0, colon), .port = address.substr(colon + 1)};
  if (const char* token = getenv("BELAY_AU_TOKEN")) {
    options.token = token;
  } else if (const char* path = getenv("BELAY_AU_TOKEN_FILE")) {
    options.token = read_token(path);
  } else {
    throw Failure(kExitUsage,
                  "BELAY_AU_TOKEN or BELAY_AU_TOKEN_FILE is to hold the server's token");
  }
  return options;
}

void add_relay(Parser& parser) {
  auto options = std::make_shared<RelayOptions>();
  CLI::App* command = parser.app.add_subcommand(
      "relay", "Connect standard input, a socket, to a server that wants TLS and a token");
  command->group("");  // programs start it, not people
  command->add_flag("--detach", options->detach, "Go on in the background once connected");
  command->add_option("ADDRESS", options->host, "HOST:PORT")->type_name("")->required();
  command->callback([&parser, options] { parser.action = [options] { return relay(*options); }; });
}

}  // namespace belay::cli
