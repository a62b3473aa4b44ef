// Leaving a function and coming back to it in another process: what setjmp does, unmangled, in a
// layout that an image can hold. Callee-saved registers only; the rest is in the signal frame.
#pragma once

#include <cstdint>

namespace belay {

struct ResumeContext {
  uint64_t rbx = 0, rbp = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0, rsp = 0, rip = 0;
};
static_assert(sizeof(ResumeContext) == 64);

// Returns 0 after saving, 1 when somebody resumed it. The caller must not have returned by then.
extern "C" __attribute__((returns_twice, visibility("hidden"))) int belay_save_context(
    ResumeContext* context);
extern "C" __attribute__((noreturn, visibility("hidden"))) void belay_resume_context(
    const ResumeContext* context);

// Calls function(argument) on the stack below `top`, with callee-saved registers and the modes of
// both floating-point units kept in `*frame`, on the caller's stack.
extern "C" __attribute__((visibility("hidden"))) long belay_call_on_stack(void* top,
                                                                          long (*function)(void*),
                                                                          void* argument,
                                                                          uint64_t* frame);
// Lets such a call return `value`, from any stack. The caller's memory must be as it was then.
extern "C" __attribute__((noreturn, visibility("hidden"))) void belay_return_to(uint64_t frame,
                                                                                long value);

}  // namespace belay
