#include "region/unknown.h"

#include <cstdio>
#include <cstdlib>

#include "region/clone_table.h"
#include "region/function_at.h"
#include "region/settings.h"
#include "region/thread_state.h"

namespace belay::region {

namespace {

bool is_allowed() { return settings().unknown == CKPT_UNKNOWN_ALLOW; }

[[noreturn]] void refuse_call(const char* name) {
  report("a region calls %s, and nobody knows what that writes", name);
  report_callers();
  report("  ways out: compile what defines it with belay-cc or belay-c++;");
  report("  or, if it writes nothing, declare it __attribute__((pure));");
  report("  or define its effects: a function with __asm__(\"NAME.ckpt\") that calls backup();");
  report("  or allow all such calls, whose writes then stay: BELAY_CKPT_UNKNOWN=allow");
  abort();
}

}  // namespace

void* unknown_function(void* function) {
  if (is_allowed()) return function;
  FunctionAt found;
  if (find_function(reinterpret_cast<uintptr_t>(function), &found) && found.name[0] != '\0')
    refuse_call(found.name);
  char text[32];
  snprintf(text, sizeof text, "a function at %p", function);
  refuse_call(text);
}

void* unknown_own_function(const char* name, void* function) {
  if (is_allowed()) return function;
  char text[256];
  snprintf(text, sizeof text, "the program's own %s()", name);
  refuse_call(text);
}

void folded_function(void* function) {
  report(
      "a region calls a function at %p that stands for two: the linker has folded them, and the"
      " writes of one, but not of the other, are to stay (BELAY_KEEP)",
      function);
  report_callers();
  report("  way out: link with --icf=safe");
  abort();
}

Ptr __belay_unknown_call(Ptr name, Ptr function) {
  Clone* known = find_clone(function);
  if (known != nullptr && known->clone != nullptr) return known->clone;
  if (is_allowed()) return function;
  refuse_call(static_cast<const char*>(name));
}

Void __belay_unknown_code(Ptr what) {
  if (!in_region() || is_allowed()) return;
  report("a region runs %s, and nobody knows what that writes", static_cast<const char*>(what));
  report_callers();
  report("  ways out: call backup() on what it writes, from a function of its own with the");
  report("  attribute BELAY_KEEP; or allow all such code: BELAY_CKPT_UNKNOWN=allow");
  abort();
}

}  // namespace belay::region
