// stdio.h: output by policy, formatting into memory.
#include <cstdio>
#include <cstring>

#include "region/effect.h"
#include "region/output.h"
#include "region/settings.h"

using namespace belay::region;

EFFECT(int, vfprintf, (FILE * stream, const char* format, va_list arguments)) {
  return put_formatted(stream, format, arguments, "vfprintf");
}
EFFECT(int, vprintf, (const char* format, va_list arguments)) {
  return put_formatted(stdout, format, arguments, "vprintf");
}
EFFECT(int, fprintf, (FILE * stream, const char* format, ...)) {
  va_list arguments;
  va_start(arguments, format);
  int result = put_formatted(stream, format, arguments, "fprintf");
  va_end(arguments);
  return result;
}
EFFECT(int, printf, (const char* format, ...)) {
  va_list arguments;
  va_start(arguments, format);
  int result = put_formatted(stdout, format, arguments, "printf");
  va_end(arguments);
  return result;
}

EFFECT(int, puts, (const char* text)) {
  put_output(stdout, text, strlen(text), "puts");
  put_output(stdout, "\n", 1, "puts");
  return 1;
}
EFFECT(int, fputs, (const char* text, FILE* stream)) {
  put_output(stream, text, strlen(text), "fputs");
  return 1;
}
EFFECT(int, fputc, (int character, FILE* stream)) {
  char byte = static_cast<char>(character);
  put_output(stream, &byte, 1, "fputc");
  return static_cast<unsigned char>(byte);
}
EFFECT(int, putc, (int character, FILE* stream)) { return fx_fputc(character, stream); }
EFFECT(int, putchar, (int character)) { return fx_fputc(character, stdout); }
EFFECT(size_t, fwrite, (const void* data, size_t bytes, size_t count, FILE* stream)) {
  put_output(stream, static_cast<const char*>(data), bytes * count, "fwrite");
  return count;
}
// Deferred output is flushed by nobody before it is written.
EFFECT(int, fflush, (FILE * stream)) {
  return settings().output == CKPT_OUTPUT_ALLOW ? fflush(stream) : 0;
}

// Formatting measures first, so as to log no more than is written.
EFFECT(int, vsnprintf, (char* to, size_t room, const char* format, va_list arguments)) {
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
EFFECT(int, snprintf, (char* to, size_t room, const char* format, ...)) {
  va_list arguments;
  va_start(arguments, format);
  int result = fx_vsnprintf(to, room, format, arguments);
  va_end(arguments);
  return result;
}
EFFECT(int, sprintf, (char* to, const char* format, ...)) {
  va_list arguments;
  va_start(arguments, format);
  int result = fx_vsprintf(to, format, arguments);
  va_end(arguments);
  return result;
}
