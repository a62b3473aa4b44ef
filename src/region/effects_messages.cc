// err.h, error.h: messages on standard error, which wait as other output does, and the end of the
// program.
#include <err.h>
#include <error.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "region/effect.h"
#include "region/output.h"

using namespace belay::region;

extern "C" {
[[noreturn]] void exit_ckpt(int) __asm__("exit.ckpt");
int fflush_ckpt(FILE*) __asm__("fflush.ckpt");
}

namespace {

constexpr int kNoReason = -1;

__attribute__((format(printf, 1, 2))) void put_text(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  put_formatted(stderr, format, arguments, "fprintf");
  va_end(arguments);
}

void put_warning(const char* format, va_list arguments, int reason) {
  put_text("%s: ", program_invocation_short_name);
  if (format != nullptr) put_formatted(stderr, format, arguments, "warn");
  if (reason != kNoReason) put_text("%s%s", format != nullptr ? ": " : "", strerror(reason));
  put_text("\n");
}

void put_error(int status, int reason, const char* file, unsigned line, const char* format,
               va_list arguments) {
  if (in_region() && (error_print_progname != nullptr || error_one_per_line != 0))
    fatal("error() with error_print_progname or error_one_per_line in a region");
  fflush_ckpt(stdout);
  put_text("%s:", program_invocation_name);
  if (file != nullptr)
    put_text("%s:%u: ", file, line);
  else
    put_text(" ");
  put_formatted(stderr, format, arguments, "error");
  if (reason != 0) put_text(": %s", strerror(reason));
  put_text("\n");
  log_bytes(&error_message_count, sizeof error_message_count);
  error_message_count++;
  if (status != 0) exit_ckpt(status);
}

}  // namespace

EFFECT(void, vwarn, (const char* format, va_list arguments)) {
  put_warning(format, arguments, errno);
}
EFFECT(void, vwarnx, (const char* format, va_list arguments)) {
  put_warning(format, arguments, kNoReason);
}
EFFECT(void, verr, (int status, const char* format, va_list arguments)) {
  put_warning(format, arguments, errno);
  exit_ckpt(status);
}
EFFECT(void, verrx, (int status, const char* format, va_list arguments)) {
  put_warning(format, arguments, kNoReason);
  exit_ckpt(status);
}

// Each that takes its arguments one by one is made from one that takes a va_list.
#define BELAY_MESSAGE(name, call, ...)     \
  EFFECT(void, name, (__VA_ARGS__, ...)) { \
    va_list arguments;                     \
    va_start(arguments, format);           \
    call;                                  \
    va_end(arguments);                     \
  }
BELAY_MESSAGE(warn, fx_vwarn(format, arguments), const char* format)
BELAY_MESSAGE(warnx, fx_vwarnx(format, arguments), const char* format)
BELAY_MESSAGE(err, fx_verr(status, format, arguments), int status, const char* format)
BELAY_MESSAGE(errx, fx_verrx(status, format, arguments), int status, const char* format)
BELAY_MESSAGE(error, put_error(status, reason, nullptr, 0, format, arguments), int status,
              int reason, const char* format)
BELAY_MESSAGE(error_at_line, put_error(status, reason, file, line, format, arguments), int status,
              int reason, const char* file, unsigned line, const char* format)
