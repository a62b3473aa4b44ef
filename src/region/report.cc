#include "region/report.h"

#include <dlfcn.h>
#include <unistd.h>
#include <unwind.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "region/function_at.h"

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

bool is_own(uintptr_t code) {
  Dl_info own, of_code;
  return dladdr(reinterpret_cast<void*>(&report_callers), &own) != 0 &&
         dladdr(reinterpret_cast<void*>(code), &of_code) != 0 && own.dli_fbase == of_code.dli_fbase;
}

void report_function(const char* from, const FunctionAt& at) {
  char* readable = at.name[0] != '\0' && __cxa_demangle
                       ? __cxa_demangle(at.name, nullptr, nullptr, nullptr)
                       : nullptr;
  const char* name = readable ? readable : at.name[0] != '\0' ? at.name : "a function";
  report("    %s%s (addr2line -Cfe %s 0x%zx)", from, name, at.file, at.address);
  free(readable);
}

_Unwind_Reason_Code report_frame(_Unwind_Context* context, void* argument) {
  int* left = static_cast<int*>(argument);
  if ((*left)-- == 0) return _URC_END_OF_STACK;
  // The return address may be the next function's first byte, after a call that does not return.
  uintptr_t at = _Unwind_GetIP(context) - 1;
  FunctionAt found;
  if (!find_function(at, &found)) return _URC_END_OF_STACK;
  if (!is_own(at)) report_function("from ", found);
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
  FunctionAt found;
  if (find_function(at, &found))
    report_function("", found);
  else
    report("    code at %p", code);
}

}  // namespace belay::region
