// What BELAY_WRITES() says of memory (effects.def).
#pragma once

#include <sys/socket.h>

#include <cstring>
#include <cwchar>

#include "region/log.h"

namespace belay::region {

struct Span {
  const void* address;
  size_t bytes;
};

template <class T>
Span array(T* address, size_t count) {
  return {address, count * sizeof *address};
}
template <class T>
Span object(T* address) {
  return array(address, 1);
}
inline Span bytes(const void* address, size_t count) { return {address, count}; }
inline Span string(const char* text) { return {text, text == nullptr ? 0 : strlen(text) + 1}; }
inline Span wide_string(const wchar_t* text) { return array(text, text ? wcslen(text) + 1 : 0); }

// As much of a socket's address as there is room for.
inline Span address(sockaddr* to, const socklen_t* room) {
  return bytes(to, to == nullptr || room == nullptr ? 0 : *room);
}

inline size_t at_most(size_t wanted, size_t room) { return wanted < room ? wanted : room; }

// How many bytes memccpy copies.
inline size_t copied(const void* from, int stop, size_t count) {
  auto* found = static_cast<const char*>(memchr(from, stop, count));
  return found == nullptr ? count : static_cast<size_t>(found + 1 - static_cast<const char*>(from));
}

// Null pointers say that the caller wants nothing there.
template <class... Spans>
void log_spans(Spans... spans) {
  const Span all[] = {spans...};
  for (const Span& each : all)
    if (each.address != nullptr) log_bytes(each.address, each.bytes);
}

// Logs what is known by name in the C library's memory; the rest it keeps of time zones is a cache.
Span time_zone();

// Instead of the conversion state that is hidden in the C library.
mbstate_t* own(mbstate_t* state);

// Where drand48() has its state.
void* rand48_state();

}  // namespace belay::region
