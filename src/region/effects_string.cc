// string.h
#include <cstring>
#include <cwchar>

#include "region/effect.h"

using belay::region::born;
using belay::region::check_room;
using belay::region::log_bytes;
using belay::region::Release;

EFFECT(void*, memcpy, (void* to, const void* from, size_t bytes)) {
  log_bytes(to, bytes);
  return memcpy(to, from, bytes);
}

EFFECT(void*, memmove, (void* to, const void* from, size_t bytes)) {
  log_bytes(to, bytes);
  return memmove(to, from, bytes);
}

EFFECT(void*, memset, (void* to, int value, size_t bytes)) {
  log_bytes(to, bytes);
  return memset(to, value, bytes);
}

EFFECT(void*, mempcpy, (void* to, const void* from, size_t bytes)) {
  log_bytes(to, bytes);
  return mempcpy(to, from, bytes);
}

EFFECT(wchar_t*, wmemcpy, (wchar_t * to, const wchar_t* from, size_t count)) {
  return static_cast<wchar_t*>(fx_memcpy(to, from, count * sizeof *to));
}

EFFECT(wchar_t*, wmemmove, (wchar_t * to, const wchar_t* from, size_t count)) {
  return static_cast<wchar_t*>(fx_memmove(to, from, count * sizeof *to));
}

EFFECT(wchar_t*, wmemset, (wchar_t * to, wchar_t value, size_t count)) {
  log_bytes(to, count * sizeof *to);
  return wmemset(to, value, count);
}

EFFECT(void, bzero, (void* to, size_t bytes)) {
  log_bytes(to, bytes);
  memset(to, 0, bytes);
}

EFFECT(char*, strcpy, (char* to, const char* from)) {
  size_t bytes = strlen(from) + 1;
  log_bytes(to, bytes);
  return static_cast<char*>(memcpy(to, from, bytes));
}

EFFECT(char*, stpcpy, (char* to, const char* from)) {
  size_t length = strlen(from);
  log_bytes(to, length + 1);
  memcpy(to, from, length + 1);
  return to + length;
}

EFFECT(char*, strncpy, (char* to, const char* from, size_t bytes)) {
  log_bytes(to, bytes);
  return strncpy(to, from, bytes);
}

EFFECT(char*, strcat, (char* to, const char* from)) {
  size_t bytes = strlen(from) + 1;
  char* end = to + strlen(to);
  log_bytes(end, bytes);
  memcpy(end, from, bytes);
  return to;
}

EFFECT(char*, strncat, (char* to, const char* from, size_t bytes_max)) {
  size_t bytes = strnlen(from, bytes_max);
  char* end = to + strlen(to);
  log_bytes(end, bytes + 1);
  memcpy(end, from, bytes);
  end[bytes] = '\0';
  return to;
}

EFFECT(char*, strdup, (const char* text)) {
  return static_cast<char*>(born(strdup(text), strlen(text) + 1, Release::kFree));
}

EFFECT(char*, strndup, (const char* text, size_t bytes)) {
  return static_cast<char*>(born(strndup(text, bytes), strnlen(text, bytes) + 1, Release::kFree));
}

EFFECT(char*, strtok_r, (char* text, const char* separators, char** rest)) {
  char* begin = text != nullptr ? text : *rest;
  if (begin != nullptr) log_bytes(begin, strlen(begin) + 1);
  log_bytes(rest, sizeof *rest);
  return strtok_r(text, separators, rest);
}
EFFECT(char*, __strtok_r, (char* text, const char* separators, char** rest)) {
  return fx_strtok_r(text, separators, rest);
}
EFFECT(char*, strsep, (char** rest, const char* separators)) {
  if (*rest != nullptr) log_bytes(*rest, strlen(*rest) + 1);
  log_bytes(rest, sizeof *rest);
  return strsep(rest, separators);
}

// This library's strtok() stands before libc's, whose state is hidden.
static char* strtok_rest;
extern "C" __attribute__((visibility("default"))) char* strtok(char* text,
                                                               const char* separators) noexcept {
  return strtok_r(text, separators, &strtok_rest);
}
EFFECT(char*, strtok, (char* text, const char* separators)) {
  return fx_strtok_r(text, separators, &strtok_rest);
}

EFFECT(char*, __strdup, (const char* text)) { return fx_strdup(text); }
EFFECT(char*, __strndup, (const char* text, size_t bytes)) { return fx_strndup(text, bytes); }
EFFECT(char*, __stpcpy, (char* to, const char* from)) { return fx_stpcpy(to, from); }
EFFECT(void*, __mempcpy, (void* to, const void* from, size_t bytes)) {
  return fx_mempcpy(to, from, bytes);
}

// _FORTIFY_SOURCE
#define BELAY_CHECKED(result, name, parameters, arguments, wanted) \
  EFFECT(result, __##name##_chk, parameters) {                     \
    check_room(wanted, room);                                      \
    return fx_##name arguments;                                    \
  }
BELAY_CHECKED(void*, memcpy, (void* to, const void* from, size_t bytes, size_t room),
              (to, from, bytes), bytes)
BELAY_CHECKED(void*, memmove, (void* to, const void* from, size_t bytes, size_t room),
              (to, from, bytes), bytes)
BELAY_CHECKED(void*, mempcpy, (void* to, const void* from, size_t bytes, size_t room),
              (to, from, bytes), bytes)
BELAY_CHECKED(void*, memset, (void* to, int value, size_t bytes, size_t room), (to, value, bytes),
              bytes)
BELAY_CHECKED(char*, strcpy, (char* to, const char* from, size_t room), (to, from),
              strlen(from) + 1)
BELAY_CHECKED(char*, stpcpy, (char* to, const char* from, size_t room), (to, from),
              strlen(from) + 1)
BELAY_CHECKED(char*, strncpy, (char* to, const char* from, size_t bytes, size_t room),
              (to, from, bytes), bytes)
BELAY_CHECKED(char*, strcat, (char* to, const char* from, size_t room), (to, from),
              strlen(to) + strlen(from) + 1)
BELAY_CHECKED(char*, strncat, (char* to, const char* from, size_t bytes, size_t room),
              (to, from, bytes), strlen(to) + strnlen(from, bytes) + 1)
#undef BELAY_CHECKED
EFFECT(char*, __stpncpy_chk, (char* to, const char* from, size_t bytes, size_t room)) {
  check_room(bytes, room);
  log_bytes(to, bytes);
  return stpncpy(to, from, bytes);
}
EFFECT(void, __explicit_bzero_chk, (void* to, size_t bytes, size_t room)) {
  check_room(bytes, room);
  log_bytes(to, bytes);
  explicit_bzero(to, bytes);
}
