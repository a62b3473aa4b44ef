// The restorer: code without libc, data or a fixed place. It is copied to where the image has
// nothing, unmaps the process that it started in, executes a RestorePlan, and its threads become
// the captured ones. It lies in a section of its own, which holds nothing else.
#pragma once

#include <cstddef>
#include <span>

#include "restorer/plan.h"

namespace belay {

// The code, to be copied to page-aligned executable memory.
std::span<const std::byte> restorer_code();

// Runs the copy at `code` on the stack below `stack_top`. Does not return; the process exits with
// status 70 (EX_SOFTWARE) and a message when a step fails. Needs: one thread, signals blocked.
[[noreturn]] void run_restorer(std::byte* code, RestorePlan* plan, uint64_t stack_top);

}  // namespace belay
