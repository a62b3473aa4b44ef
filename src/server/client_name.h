// What a program is called on a server, unless it is told otherwise.
#pragma once

#include <errno.h>

#include "server/protocol.h"

namespace belay {

// The executable's, cut to what a name may be.
inline void default_name(char (&out)[kFrameNameMax]) {
  constexpr size_t kDefaultMax = 40;  // more may follow: "-PID", ".actor-NUMBER"
  size_t count = 0;
  for (const char* c = program_invocation_short_name; *c != 0 && count < kDefaultMax; c++) {
    bool fits = is_plain_name({c, 1}) || (*c == '.' && count != 0);
    out[count++] = fits ? *c : '-';
  }
  out[count] = 0;
}

}  // namespace belay
