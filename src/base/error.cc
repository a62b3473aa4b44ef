#include "base/error.h"

#include <cstring>

namespace belay {

const char* errno_text(int code) {
  const char* text = strerrordesc_np(code);  // glibc >= 2.32: static strings, untranslated
  return text != nullptr ? text : "unknown error";
}

}  // namespace belay
