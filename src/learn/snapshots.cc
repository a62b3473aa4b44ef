#include "learn/snapshots.h"

#include <errno.h>

#include <atomic>

namespace belay {
namespace {

// Only ever set by a program or its signal handlers, read at au_checkpoint(). It goes back with the
// program, so what counts is whether it differs from what was answered.
std::atomic<uint64_t> requests{0};

}  // namespace

Result<int> Snapshots::checkpoint() {
  bool asked = requests.exchange(0) != 0;
  if (has_driver() && driver_.asked && driver_.asked(driver_.context) != 0) asked = true;
  if (!asked) return 0;
  if (!has_driver()) return fail(ENOTSUP, "au_checkpoint: nothing here keeps the program's state");
  taken_ = true;  // before it, since what is taken says so too
  int result = driver_.take(driver_.context);
  if (result < 0) {
    taken_ = false;
    return fail(-result, "au_checkpoint: {}", errno_text(-result));
  }
  return result;
}

Status Snapshots::restore() {
  if (!taken_)
    return fail(ENOENT,
                "au_restore: no checkpoint has been taken; one is when it is asked for and "
                "the program reaches au_checkpoint()");
  int result = driver_.go_back(driver_.context);
  return fail(-result, "au_restore: {}", errno_text(-result));
}

}  // namespace belay

extern "C" __attribute__((visibility("default"))) void belay_au_request_checkpoint(void) {
  belay::requests.fetch_add(1);
}
