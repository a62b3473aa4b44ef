// belay serve [OPTIONS]
#include <stdlib.h>

#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/notice.h"
#include "cli/server_paths.h"
#include "server/criu_driver.h"
#include "server/server.h"
#include "server/vm.h"
#include "server/vm_driver.h"

namespace belay::cli {
namespace {

struct ServeOptions {
  ServerOptions server;
  std::string token_file;
  std::vector<std::string> machines;
  bool no_view = false;
};

// $BELAY_PAGE, else where the build or the install has put it.
std::string page_folder() {
  const char* chosen = getenv("BELAY_PAGE");
  if (chosen != nullptr) return chosen;
  std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::filesystem::path installed = here / BELAY_INSTALLED_PAGE;
  return std::filesystem::exists(installed) ? installed.string() : BELAY_BUILT_PAGE;
}

int serve(ServeOptions options) {
  ServerOptions& server = options.server;
  server.folder = server_folder(server.folder);
  if (server.socket.empty()) server.socket = server.folder + "/socket";
  server.control = control_socket(server.folder);
  if (!options.token_file.empty()) server.token = read_token(options.token_file);
  if (!server.tcp.empty() && server.token.empty()) {
    throw Failure(kExitUsage, "--tcp wants --token-file: whoever knows the token may connect");
  }
  if (server.http_port >= 0 && server.token.empty()) {
    throw Failure(kExitUsage, "--http wants --token-file: whoever knows the token may look");
  }
  server.page_folder = page_folder();
  if (Status runs = server.criu.empty() ? Status() : check_criu(server.criu); !runs)
    throw Failure(kExitUnavailable, runs.error().message);
  for (const std::string& folder : options.machines) {
    auto find = [folder]() -> Result<std::unique_ptr<SnapshotDriver>> {
      return VmDriver::attach(folder);
    };
    server.attached.push_back({folder + "/" + kVmPort, require(find()), find});
  }
  server.view = !options.no_view;
  std::unique_ptr<Server> running = require(Server::start(std::move(server)));
  for (const std::string& address : running->addresses()) printf("%s\n", address.c_str());
  fflush(stdout);
  running->run();
  return 0;
}

}  // namespace

void add_serve(Parser& parser) {
  auto options = std::make_shared<ServeOptions>();
  ServerOptions& server = options->server;
  CLI::App* command = parser.app.add_subcommand(
      "serve",
      "Keep the checkpoints of programs that learn (BELAY_AU_SERVER), until it is stopped");
  add_server_option(command, &server.folder);
  command->add_option("--socket", server.socket, "Unix socket for clients (default: DIR/socket)")
      ->type_name("PATH");
  command->add_option("--tcp", server.tcp, "Listen for clients that know the token, over TLS")
      ->type_name("HOST:PORT");
  command
      ->add_option("--token-file", options->token_file,
                   "File whose first line is the token of --tcp and --http")
      ->type_name("FILE");
  command
      ->add_option("--http", server.http_port,
                   "Serve the web page on this port of 127.0.0.1; 0: any")
      ->type_name("PORT")
      ->check(CLI::Range(0, 65535));
  command
      ->add_option("--snapshots-max", server.limits.snapshots_max,
                   "Snapshots of a client; the oldest that is not pinned makes room")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command
      ->add_option("--disk-max", server.limits.disk_bytes_max,
                   "Disk space of a client's images (driver process), as 500M or 64G; 0: any")
      ->transform(CLI::AsSizeValue(false))
      ->default_str("64G");
  command
      ->add_option("--criu", server.criu,
                   "Offer the driver criu, by this program: CRIU 4.0 or newer, as root")
      ->type_name("PROGRAM");
  command
      ->add_option("--vm", options->machines,
                   "Folder of a virtual machine (belay vm) whose program is a client")
      ->allow_extra_args(false)
      ->type_name("DIR");
  command->add_flag("--no-view", options->no_view,
                    "Show nothing, and take no keys, though this is a terminal");
  command->callback(
      [&parser, options] { parser.action = [options] { return serve(std::move(*options)); }; });
}

}  // namespace belay::cli
