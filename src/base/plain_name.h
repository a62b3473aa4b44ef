// Names that may become a file's: no paths, not hidden.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace belay {

// 1 to `bytes_max` letters, digits, '-', '_' and '.', the first not a '.'.
inline bool is_plain_name(std::string_view name, size_t bytes_max) {
  auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= bytes_max && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), is_plain);
}

}  // namespace belay
