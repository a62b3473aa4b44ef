// The one error type: what failed, on what, and what to do about it.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>

namespace belay {

// A value without heap memory, so that stopped-world code may make one.
struct Error {
  int code = 0;            // an errno value
  char message[252] = {};  // a sentence, NUL-terminated

  std::string_view text() const { return message; }
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

// fail(EBADMSG, "block {} of {}: checksum differs", n, path): for `return fail(...)`.
template <class... Args>
tl::unexpected<Error> fail(int code, fmt::format_string<Args...> format, Args&&... args) {
  Error error;
  error.code = code;
  auto end = fmt::format_to_n(error.message, sizeof error.message - 1, format,
                              static_cast<Args&&>(args)...);
  *end.out = '\0';
  return tl::make_unexpected(error);
}

// "No space left on device" for ENOSPC; needs no locale and no memory.
const char* errno_text(int code);

}  // namespace belay

#define BELAY_CONCAT_(a, b) a##b
#define BELAY_CONCAT(a, b) BELAY_CONCAT_(a, b)

// Returns the error of `expression` from the enclosing function, if it has one.
#define BELAY_TRY(expression)                                                                    \
  do {                                                                                           \
    if (auto belay_status_ = (expression); !belay_status_)                                       \
      return tl::make_unexpected(static_cast<decltype(belay_status_)&&>(belay_status_).error()); \
  } while (0)

// Declares `variable` as the value of `expression`, or returns its error.
#define BELAY_ASSIGN(variable, expression)                                     \
  auto BELAY_CONCAT(belay_result_, __LINE__) = (expression);                   \
  if (!BELAY_CONCAT(belay_result_, __LINE__))                                  \
    return tl::make_unexpected(BELAY_CONCAT(belay_result_, __LINE__).error()); \
  variable = static_cast<decltype(BELAY_CONCAT(belay_result_, __LINE__))&&>(   \
                 BELAY_CONCAT(belay_result_, __LINE__))                        \
                 .value()
