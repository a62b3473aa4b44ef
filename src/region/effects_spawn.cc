// spawn.h. A child that posix_spawn() makes runs in its parent's memory, but only libc's code
// there.
#include <malloc.h>
#include <spawn.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "region/actions.h"
#include "region/effect.h"
#include "region/external.h"
#include "region/written.h"

using namespace belay::region;

namespace {

using Actions = posix_spawn_file_actions_t;

// Of one action, which only libc knows: it makes room for eight at first.
size_t action_bytes() {
  static const size_t bytes = [] {
    Actions some;
    if (posix_spawn_file_actions_init(&some) != 0) return size_t{0};
    const bool added = posix_spawn_file_actions_addclose(&some, 0) == 0 && some.__allocated > 0;
    const size_t all = added ? malloc_usable_size(some.__actions) : 0;
    const size_t each = added ? all / static_cast<size_t>(some.__allocated) & ~size_t{7} : 0;
    posix_spawn_file_actions_destroy(&some);
    return each;
  }();
  if (bytes == 0) fatal("the C library's posix_spawn_file_actions_t is of another make");
  return bytes;
}

// Makes the room that libc would make itself, and give up what a rollback needs.
void make_room(Actions* to) {
  if (!in_region()) return;
  log_spans(object(to));
  if (to->__used == to->__allocated) {
    const auto used = static_cast<size_t>(to->__used), more = used + 8;
    void* bigger = born_by_malloc(malloc(more * action_bytes()));
    if (bigger == nullptr) return;  // libc will say so
    if (used > 0) memcpy(bigger, to->__actions, used * action_bytes());
    if (used > 0) died(to->__actions, Release::kFree);
    to->__actions = static_cast<struct __spawn_action*>(bigger);
    to->__allocated = static_cast<int>(more);
  }
  log_bytes(reinterpret_cast<char*>(to->__actions) + size_t(to->__used) * action_bytes(),
            action_bytes());
}

void destroy(void* copy) {
  posix_spawn_file_actions_destroy(static_cast<Actions*>(copy));
  free(copy);
}

}  // namespace

#define ADDS(name, parameters, arguments) \
  EFFECT(int, name, parameters) {         \
    make_room(to);                        \
    return name arguments;                \
  }
ADDS(posix_spawn_file_actions_addclose, (Actions * to, int which), (to, which))
ADDS(posix_spawn_file_actions_adddup2, (Actions * to, int from, int which), (to, from, which))
ADDS(posix_spawn_file_actions_addopen,
     (Actions * to, int which, const char* path, int flags, mode_t mode),
     (to, which, path, flags, mode))
ADDS(posix_spawn_file_actions_addchdir_np, (Actions * to, const char* path), (to, path))
ADDS(posix_spawn_file_actions_addfchdir_np, (Actions * to, int folder), (to, folder))

EFFECT(int, posix_spawn_file_actions_destroy, (Actions * of)) {
  if (!in_region()) return posix_spawn_file_actions_destroy(of);
  auto* copy = static_cast<Actions*>(malloc(sizeof(Actions)));
  if (copy == nullptr) return ENOMEM;
  *copy = *of;
  on_commit(destroy, copy);
  on_rollback(free, copy);
  return 0;
}

EFFECT(int, posix_spawn,
       (pid_t * child, const char* path, const Actions* actions, const posix_spawnattr_t* how,
        char* const arguments[], char* const variables[])) {
  allow_process("posix_spawn");
  log_spans(object(child));
  return posix_spawn(child, path, actions, how, arguments, variables);
}
EFFECT(int, posix_spawnp,
       (pid_t * child, const char* name, const Actions* actions, const posix_spawnattr_t* how,
        char* const arguments[], char* const variables[])) {
  allow_process("posix_spawnp");
  log_spans(object(child));
  return posix_spawnp(child, name, actions, how, arguments, variables);
}
