// Goal: what a region adds to a list of posix_spawn()'s, however long, is gone after a rollback,
// with a list that is older than the region as it was, and can be used after a commit.
// Build: -D_GNU_SOURCE -w
#include <belay/region.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

extern char** environ;
static posix_spawn_file_actions_t older, before;
static posix_spawnattr_t how;
static char actions_before[8 * 32];

static int status_of(const posix_spawn_file_actions_t* actions, const char* command) {
  pid_t child = 0;
  int status = -1;
  char* arguments[] = {"sh", "-c", (char*)command, NULL};
  CHECK(posix_spawnp(&child, "sh", actions, &how, arguments, environ) == 0);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
  return WEXITSTATUS(status);
}

static void work(void) {
  posix_spawn_file_actions_t inner;
  CHECK(posix_spawn_file_actions_init(&inner) == 0);
  for (int i = 0; i < 40; i++) {
    CHECK(posix_spawn_file_actions_addopen(&inner, 50 + i, "/dev/null", O_RDONLY, 0) == 0);
    CHECK(posix_spawn_file_actions_adddup2(&older, 0, 50 + i) == 0);
  }
  CHECK(status_of(&inner, "test -e /proc/self/fd/89 && exit 5") == 5);
  CHECK(posix_spawn_file_actions_addclose(&inner, 89) == 0);
  CHECK(posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP) == 0);
  CHECK(status_of(&inner, "test -e /proc/self/fd/89 || exit 6") == 6);
  CHECK(posix_spawn_file_actions_destroy(&inner) == 0);
}

int main(void) {
  CHECK(posix_spawn_file_actions_init(&older) == 0 && posix_spawnattr_init(&how) == 0);
  for (int i = 0; i < 3; i++) posix_spawn_file_actions_adddup2(&older, 0, 40 + i);
  before = older;
  memcpy(actions_before, older.__actions, sizeof actions_before);
  const posix_spawnattr_t how_before = how;

  start_ckpt();
  work();
  stop_ckpt(1);
  CHECK(memcmp(&older, &before, sizeof older) == 0);
  CHECK(memcmp(older.__actions, actions_before, sizeof actions_before) == 0);
  CHECK(memcmp(&how, &how_before, sizeof how) == 0);
  CHECK(status_of(&older, "test -e /proc/self/fd/42 && test ! -e /proc/self/fd/80") == 0);

  start_ckpt();
  work();
  stop_ckpt(0);
  CHECK(status_of(&older, "test -e /proc/self/fd/89") == 0);
  CHECK(posix_spawn_file_actions_destroy(&older) == 0);
  return 0;
}
