// Where `belay serve` keeps its state and listens, unless it is told otherwise.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace belay::cli {

// $BELAY_SERVER, else belay-server in $XDG_STATE_HOME or ~/.local/state.
std::string server_folder(const std::string& option);
std::string control_socket(const std::string& folder);
// The first line of a file, at least 16 characters.
std::string read_token(const std::string& path);
void add_server_option(CLI::App* command, std::string* folder);

}  // namespace belay::cli
