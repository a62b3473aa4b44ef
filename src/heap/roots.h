// Named roots: fork(2)'s hold on their lock. The interface is crroot_set() and crroot_get().
#pragma once

namespace belay {

constexpr unsigned kRootsMax = 256;
constexpr unsigned kRootNameBytesMax = 63;

void roots_lock_for_fork();
void roots_unlock_after_fork(bool in_child);

}  // namespace belay
