#include "cli/server_paths.h"

#include <stdlib.h>

#include <fstream>

#include "cli/exit_code.h"
#include "cli/store_path.h"

namespace belay::cli {

std::string server_folder(const std::string& option) {
  if (!option.empty()) return store_directory(option);
  const char* chosen = getenv("BELAY_SERVER");
  return chosen != nullptr && *chosen != 0 ? store_directory(chosen)
                                           : store_directory("") + "-server";
}

std::string control_socket(const std::string& folder) { return folder + "/control"; }

std::string read_token(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  std::getline(file, token);
  if (token.size() < 16) {
    throw Failure(kExitConfig,
                  fmt::format("{}: no token of at least 16 characters in its first line", path));
  }
  return token;
}

void add_server_option(CLI::App* command, std::string* folder) {
  command
      ->add_option("--state", *folder,
                   "The server's folder (default: $BELAY_SERVER, else belay-server in "
                   "$XDG_STATE_HOME or ~/.local/state)")
      ->type_name("DIR");
}

}  // namespace belay::cli
