// string.h
#include <cstring>
#include <cwchar>

#include "region/effect.h"

using belay::region::born;
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
