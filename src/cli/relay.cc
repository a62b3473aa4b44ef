// belay relay HOST:PORT: what libbelay_learn starts for BELAY_AU_SERVER=tcp:HOST:PORT.
#include "server/relay.h"

#include <stdlib.h>

#include <fstream>
#include <memory>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/server_paths.h"

namespace belay::cli {
namespace {

std::string token_of_environment() {
  if (const char* token = getenv("BELAY_AU_TOKEN")) return token;
  if (const char* path = getenv("BELAY_AU_TOKEN_FILE")) return read_token(path);
  throw Failure(kExitUsage, "BELAY_AU_TOKEN or BELAY_AU_TOKEN_FILE is to hold the server's token");
}

int relay(RelayOptions options) {
  size_t colon = options.host.rfind(':');
  if (colon == std::string::npos) throw Failure(kExitUsage, options.host + " is not HOST:PORT");
  options.port = options.host.substr(colon + 1);
  options.host.resize(colon);
  options.token = token_of_environment();
  require(run_relay(options));
  return 0;
}

}  // namespace

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
