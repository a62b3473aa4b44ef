// Memory that a rollback leaves alone, and fork(2)'s hold on it.
#pragma once

namespace belay {

void exempt_lock_for_fork();
void exempt_unlock_after_fork(bool in_child);

}  // namespace belay
