// ckpt_attr with every default filled in.
#pragma once

#include <belay/region.h>

namespace belay::region {

// The process's settings; the environment is read at the first call.
const ckpt_attr& settings();

// Returns 0 or EINVAL. Not in a region.
int change_settings(const ckpt_attr& wanted);

}  // namespace belay::region
