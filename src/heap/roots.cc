#include "heap/roots.h"

#include <errno.h>
#include <string.h>

#include "base/last_error.h"
#include "belay/checkpoint_restore.h"
#include "heap/futex_lock.h"

namespace belay {
namespace {

struct Root {
  char name[kRootNameBytesMax + 1];
  void* pointer;  // null: the entry is free
};

// In .bss: captured and brought back like every other variable.
Root roots[kRootsMax];
constinit FutexLock roots_lock;

// pre: roots_lock is held.
Root* find_root(const char* name) {
  for (Root& root : roots)
    if (root.pointer != nullptr && strcmp(root.name, name) == 0) return &root;
  return nullptr;
}

Status check_name(const char* name) {
  if (name == nullptr || *name == '\0') return fail(EINVAL, "a root needs a name");
  if (strnlen(name, kRootNameBytesMax + 1) > kRootNameBytesMax)
    return fail(EINVAL, "root {:.20}...: a name has up to {} bytes", name, kRootNameBytesMax);
  return {};
}

Status set_root(const char* name, void* pointer) {
  BELAY_TRY(check_name(name));
  FutexGuard guard(roots_lock);
  Root* root = find_root(name);
  if (root == nullptr && pointer == nullptr) return {};
  for (Root* free = roots; root == nullptr && free != roots + kRootsMax; ++free)
    if (free->pointer == nullptr) root = free;
  if (root == nullptr) return fail(ENOSPC, "root {}: there are {} already", name, kRootsMax);
  memcpy(root->name, name, strlen(name) + 1);  // check_name() has measured it
  root->pointer = pointer;
  return {};
}

}  // namespace

void roots_lock_for_fork() { roots_lock.lock(); }

void roots_unlock_after_fork(bool in_child) {
  if (in_child)
    roots_lock.reset();
  else
    roots_lock.unlock();
}

}  // namespace belay

extern "C" __attribute__((visibility("default"))) int belay_crroot_set(const char* name,
                                                                       void* pointer) {
  belay::Status set = belay::set_root(name, pointer);
  return set ? 0 : belay::set_last_error(set.error());
}

extern "C" __attribute__((visibility("default"))) void* belay_crroot_get(const char* name) {
  if (belay::Status good = belay::check_name(name); !good) {
    belay::set_last_error(good.error());
    return nullptr;
  }
  belay::FutexGuard guard(belay::roots_lock);
  belay::Root* root = belay::find_root(name);
  return root != nullptr ? root->pointer : nullptr;
}
