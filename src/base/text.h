// Text in arrays of fixed size: what does not fit is cut off, and the end is always NUL. Allocates
// nothing.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace belay {

template <size_t N>
void copy_text(char (&to)[N], std::string_view text) {
  size_t bytes = text.size() < N ? text.size() : N - 1;
  memcpy(to, text.data(), bytes);
  to[bytes] = '\0';
}

template <size_t N>
void append_text(char (&to)[N], std::string_view text) {
  size_t used = strnlen(to, N - 1);
  size_t bytes = text.size() < N - used ? text.size() : N - used - 1;
  memcpy(to + used, text.data(), bytes);
  to[used + bytes] = '\0';
}

}  // namespace belay
