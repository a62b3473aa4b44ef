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

// C++ names are printed as they are written, where there is a C++ library that knows how.
extern "C" __attribute__((weak)) char* __cxa_demangle(const char*, char*, size_t*, int*);

bool is_own(const Dl_info& of_frame) {
  Dl_info own;
  return dladdr(reinterpret_cast<void*>(&report_callers), &own) != 0 &&
         own.dli_fbase == of_frame.dli_fbase;
}

void report_function(const char* from, uintptr_t at, const Dl_info& found) {
  auto offset = static_cast<size_t>(at - reinterpret_cast<uintptr_t>(found.dli_fbase));
  char* readable = found.dli_sname && __cxa_demangle
                       ? __cxa_demangle(found.dli_sname, nullptr, nullptr, nullptr)
                       : nullptr;
  const char* name = readable ? readable : found.dli_sname ? found.dli_sname : "a function";
  report("    %s%s (addr2line -Cfe %s 0x%zx)", from, name, found.dli_fname, offset);
  free(readable);
}

_Unwind_Reason_Code report_frame(_Unwind_Context* context, void* argument) {
  int* left = static_cast<int*>(argument);
  if ((*left)-- == 0) return _URC_END_OF_STACK;
  // The return address may be the next function's first byte, after a call that does not return.
  uintptr_t at = _Unwind_GetIP(context) - 1;
  Dl_info found;
  if (dladdr(reinterpret_cast<void*>(at), &found) == 0) return _URC_END_OF_STACK;
  if (!is_own(found)) report_function("from ", at, found);
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

void report_place(const void* code) {
  uintptr_t at = reinterpret_cast<uintptr_t>(code) - 1;
  Dl_info found;
  if (dladdr(reinterpret_cast<void*>(at), &found) != 0)
    report_function("", at, found);
  else
    report("    code at %p", code);
}

}  // namespace belay::region
