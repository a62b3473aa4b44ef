#include "server/relay_start.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace belay {

// The child leaves a grandchild behind, so that the program has no child that it does not know:
// `belay relay` forks by itself when it has been told so.
Result<int> start_relay(const char* host_and_port) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(errno, "socketpair: {}", errno_text(errno));
  const char* command = getenv("BELAY_AU_RELAY");
  if (command == nullptr) command = "belay";
  char* const arguments[] = {const_cast<char*>(command), const_cast<char*>("relay"),
                             const_cast<char*>("--detach"), const_cast<char*>(host_and_port),
                             nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  pid_t child = -1;
  int code = posix_spawnp(&child, command, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  int status = 0;
  if (code == 0 && waitpid(child, &status, 0) == child && status != 0) code = ECONNREFUSED;
  if (code != 0) {
    close(ends[0]);
    return fail(code, "{} relay {}: {}", command, host_and_port,
                code == ECONNREFUSED ? "it could not connect" : errno_text(code));
  }
  return ends[0];
}

}  // namespace belay
