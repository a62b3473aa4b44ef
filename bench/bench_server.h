// A server in a process of its own, for measurements.
#pragma once

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "server/server.h"

namespace belay::bench {

[[noreturn]] inline void give_up(const std::string& why) {
  fprintf(stderr, "%s: %s\n", program_invocation_short_name, why.c_str());
  exit(1);
}

template <class T>
T require(Result<T> result) {
  if (!result) give_up(std::string(result.error().text()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// A server in a process of its own, and its folder, for as long as this lives.
class ServerProcess {
 public:
  ServerProcess() {
    char folder[] = "/tmp/belay-bench-XXXXXX";
    if (mkdtemp(folder) == nullptr) give_up("no folder in /tmp");
    folder_ = folder;
    int ready[2];
    if (pipe(ready) != 0) give_up("no pipe");
    child_ = fork();
    if (child_ == 0) {
      close(ready[0]);
      auto server = require(Server::start(
          {.folder = folder_ + "/state", .socket = socket(), .control = folder_ + "/control"}));
      close(ready[1]);
      server->run();
      _exit(0);
    }
    close(ready[1]);
    char byte;
    if (read(ready[0], &byte, 1) < 0) give_up("no server");
    close(ready[0]);
  }
  ~ServerProcess() {
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string socket() const { return folder_ + "/socket"; }
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  pid_t child_ = -1;
};

}  // namespace belay::bench
