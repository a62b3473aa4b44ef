// Destructors of static and thread-local variables that a region has initialised: registered when
// it commits, in order, and not at all if it is undone, since the variables are not initialised
// then.
#pragma once

namespace belay::region {

// What waits: the outermost region has committed, or the program ends in it.
void register_exits();

}  // namespace belay::region
