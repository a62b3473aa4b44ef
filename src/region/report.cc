#include "region/report.h"

#include <dlfcn.h>
#include <unistd.h>
#include <unwind.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace belay::region {

namespace {

void write_line(const char* format, va_list arguments) {
  char line[1024];
  int used = snprintf(line, sizeof line, "belay: ");
  int more = vsnprintf(line + used, sizeof line - 1 - used, format, arguments);
  size_t bytes = static_cast<size_t>(used + (more < 0 ? 0 : more));
  if (bytes > sizeof line - 2) bytes = sizeof line - 2;
  line[bytes++] = '\n';
  if (write(2, line, bytes) < 0) return;  // nobody reads it: nothing to be done
}

_Unwind_Reason_Code report_frame(_Unwind_Context* context, void* argument) {
  int* left = static_cast<int*>(argument);
  if ((*left)-- == 0) return _URC_END_OF_STACK;
  // The return address may be the next function's first byte, after a call that does not return.
  uintptr_t at = _Unwind_GetIP(context) - 1;
  Dl_info found;
  if (dladdr(reinterpret_cast<void*>(at), &found) == 0) return _URC_END_OF_STACK;
  if (found.dli_sname != nullptr && strncmp(found.dli_sname, "__belay_", 8) == 0)
    return _URC_NO_REASON;
  if (found.dli_sname != nullptr)
    report("    in %s (%s+0x%zx)", found.dli_sname, found.dli_fname,
           static_cast<size_t>(at - reinterpret_cast<uintptr_t>(found.dli_fbase)));
  else
    report("    in %s+0x%zx", found.dli_fname,
           static_cast<size_t>(at - reinterpret_cast<uintptr_t>(found.dli_fbase)));
  return _URC_NO_REASON;
}

}  // namespace

void report(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write_line(format, arguments);
  va_end(arguments);
}

void fatal(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write_line(format, arguments);
  va_end(arguments);
  abort();
}

void report_callers() {
  int frames_max = 40;
  _Unwind_Backtrace(report_frame, &frames_max);
}

}  // namespace belay::region
