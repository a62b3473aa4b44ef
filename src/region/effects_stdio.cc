// stdio.h: output by policy, formatting into memory.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "region/effect.h"
#include "region/output.h"
#include "region/settings.h"
#include "region/streams.h"

using namespace belay::region;

extern "C" ssize_t write_ckpt(int, const void*, size_t) __asm__("write.ckpt");

// Each that takes its arguments one by one is made from the one that takes a va_list.
#define BELAY_FORMATS(name, call, last, ...) \
  EFFECT(int, name, (__VA_ARGS__, ...)) {    \
    va_list arguments;                       \
    va_start(arguments, last);               \
    int result = call;                       \
    va_end(arguments);                       \
    return result;                           \
  }

EFFECT(int, vfprintf, (FILE * stream, const char* format, va_list arguments)) {
  return put_formatted(stream, format, arguments, "vfprintf");
}
EFFECT(int, vprintf, (const char* format, va_list arguments)) {
  return put_formatted(stdout, format, arguments, "vprintf");
}
EFFECT(int, vdprintf, (int to, const char* format, va_list arguments)) {
  refuse_counts(format);
  char* text;
  int bytes = vasprintf(&text, format, arguments);
  if (bytes < 0) return bytes;
  ssize_t written = write_ckpt(to, text, static_cast<size_t>(bytes));
  free(text);
  return static_cast<int>(written);
}
EFFECT(int, __vfprintf_chk, (FILE * stream, int, const char* format, va_list arguments)) {
  return put_formatted(stream, format, arguments, "vfprintf");
}
EFFECT(int, __vprintf_chk, (int, const char* format, va_list arguments)) {
  return put_formatted(stdout, format, arguments, "vprintf");
}
BELAY_FORMATS(fprintf, put_formatted(stream, format, arguments, "fprintf"), format, FILE* stream,
              const char* format)
BELAY_FORMATS(printf, put_formatted(stdout, format, arguments, "printf"), format,
              const char* format)
EFFECT(int, __vdprintf_chk, (int to, int, const char* format, va_list arguments)) {
  return fx_vdprintf(to, format, arguments);
}
BELAY_FORMATS(__dprintf_chk, fx_vdprintf(to, format, arguments), format, int to, int,
              const char* format)
BELAY_FORMATS(dprintf, fx_vdprintf(to, format, arguments), format, int to, const char* format)
BELAY_FORMATS(__fprintf_chk, put_formatted(stream, format, arguments, "fprintf"), format,
              FILE* stream, int, const char* format)
BELAY_FORMATS(__printf_chk, put_formatted(stdout, format, arguments, "printf"), format, int,
              const char* format)

EFFECT(int, puts, (const char* text)) {
  put_output(stdout, text, strlen(text), "puts");
  put_output(stdout, "\n", 1, "puts");
  return 1;
}
EFFECT(int, fputs, (const char* text, FILE* stream)) {
  put_output(stream, text, strlen(text), "fputs");
  return 1;
}
EFFECT(int, fputs_unlocked, (const char* text, FILE* stream)) { return fx_fputs(text, stream); }
EFFECT(int, fputc, (int character, FILE* stream)) {
  char byte = static_cast<char>(character);
  put_output(stream, &byte, 1, "fputc");
  return static_cast<unsigned char>(byte);
}
EFFECT(int, putc, (int character, FILE* stream)) { return fx_fputc(character, stream); }
EFFECT(int, _IO_putc, (int character, FILE* stream)) { return fx_fputc(character, stream); }
EFFECT(int, putc_unlocked, (int character, FILE* stream)) { return fx_fputc(character, stream); }
EFFECT(int, fputc_unlocked, (int character, FILE* stream)) { return fx_fputc(character, stream); }
EFFECT(int, putchar, (int character)) { return fx_fputc(character, stdout); }
EFFECT(int, putchar_unlocked, (int character)) { return fx_fputc(character, stdout); }
EFFECT(size_t, fwrite, (const void* data, size_t bytes, size_t count, FILE* stream)) {
  put_output(stream, static_cast<const char*>(data), bytes * count, "fwrite");
  return count;
}
EFFECT(size_t, fwrite_unlocked, (const void* data, size_t bytes, size_t count, FILE* stream)) {
  return fx_fwrite(data, bytes, count, stream);
}
EFFECT(int, putw, (int word, FILE* stream)) {
  put_output(stream, reinterpret_cast<const char*>(&word), sizeof word, "putw");
  return 0;
}
EFFECT(void, perror, (const char* what)) {
  const char* reason = strerror(errno);
  for (const char* each : {what, *what != '\0' ? ": " : "", reason, "\n"})
    put_output(stderr, each, strlen(each), "perror");
}
EFFECT(int, fflush, (FILE * stream)) {
  if (!in_region() || settings().output == CKPT_OUTPUT_ALLOW || this_thread.regions.back().forked)
    return fflush(stream);
  if (stream != nullptr && !defers(stream)) return fflush(stream);
  if (settings().output == CKPT_OUTPUT_DEFER) put_flush(stream);
  return stream == nullptr ? fflush(nullptr) : 0;
}
EFFECT(int, fflush_unlocked, (FILE * stream)) { return fx_fflush(stream); }

// Formatting measures first, so as to log no more than is written.
EFFECT(int, vsnprintf, (char* to, size_t room, const char* format, va_list arguments)) {
  refuse_counts(format);
  va_list again;
  va_copy(again, arguments);
  int bytes = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (bytes >= 0 && room > 0) {
    size_t written = static_cast<size_t>(bytes) + 1;
    log_bytes(to, written < room ? written : room);
  }
  return vsnprintf(to, room, format, arguments);
}
EFFECT(int, vsprintf, (char* to, const char* format, va_list arguments)) {
  return fx_vsnprintf(to, 0x7fffffff, format, arguments);
}
EFFECT(int, __vsnprintf_chk,
       (char* to, size_t room, int, size_t all, const char* format, va_list arguments)) {
  check_room(room, all);
  return fx_vsnprintf(to, room, format, arguments);
}
EFFECT(int, __vsprintf_chk, (char* to, int, size_t all, const char* format, va_list arguments)) {
  const size_t most = 0x7fffffff;
  int bytes = fx_vsnprintf(to, all < most ? all : most, format, arguments);
  if (bytes >= 0) check_room(static_cast<size_t>(bytes) + 1, all);
  return bytes;
}
EFFECT(int, vasprintf, (char** to, const char* format, va_list arguments)) {
  refuse_counts(format);
  log_bytes(to, sizeof *to);
  int bytes = vasprintf(to, format, arguments);
  if (bytes >= 0) born_by_malloc(*to);
  return bytes;
}
EFFECT(int, __vasprintf_chk, (char** to, int, const char* format, va_list arguments)) {
  return fx_vasprintf(to, format, arguments);
}
BELAY_FORMATS(snprintf, fx_vsnprintf(to, room, format, arguments), format, char* to, size_t room,
              const char* format)
BELAY_FORMATS(sprintf, fx_vsprintf(to, format, arguments), format, char* to, const char* format)
BELAY_FORMATS(asprintf, fx_vasprintf(to, format, arguments), format, char** to, const char* format)
BELAY_FORMATS(__snprintf_chk, fx___vsnprintf_chk(to, room, flag, all, format, arguments), format,
              char* to, size_t room, int flag, size_t all, const char* format)
BELAY_FORMATS(__sprintf_chk, fx___vsprintf_chk(to, flag, all, format, arguments), format, char* to,
              int flag, size_t all, const char* format)
BELAY_FORMATS(__asprintf_chk, fx_vasprintf(to, format, arguments), format, char** to, int,
              const char* format)
