#include "base/last_error.h"

#include <errno.h>
#include <string.h>

namespace belay {
namespace {

// initial-exec: no first access that asks malloc for memory, since malloc itself may come here.
[[gnu::tls_model(
    "initial-exec")]] constinit thread_local char last_message[sizeof Error::message] = {};

}  // namespace

int set_last_error(const Error& error) {
  memcpy(last_message, error.message, sizeof last_message);
  errno = error.code;
  return -1;
}

}  // namespace belay

extern "C" __attribute__((visibility("default"))) const char* belay_crerror(void) {
  return belay::last_message;
}
