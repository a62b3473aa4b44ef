#include "learn/snapshots.h"

#include <errno.h>

#include <atomic>

#include "belay/savepoint.h"

namespace belay {
namespace {

// Of the program: 0 again in what au_checkpoint() takes.
std::atomic<uint64_t> requests{0};

// The default: one savepoint, the latest. `context` is where it is kept, in model memory.
int take_savepoint(void* context) {
  auto* latest = static_cast<belay_savepoint_t*>(context);
  belay_savepoint_t taken = 0;
  int back = belay_savepoint(&taken);
  if (back < 0) return -errno;
  if (back > 0) return 2;
  if (*latest != 0) belay_release_savepoint(*latest);
  *latest = taken;
  return 1;
}

// The sentence of libbelay where it was the one that failed.
const char* why(int result) {
  const char* sentence = belay_crerror();
  return sentence[0] != 0 ? sentence : errno_text(-result);
}

int go_back_to_savepoint(void* context) {
  belay_rollback_to(*static_cast<belay_savepoint_t*>(context), 1);
  return -errno;
}

}  // namespace

Snapshots::Snapshots() : driver_{&savepoint_, nullptr, take_savepoint, go_back_to_savepoint} {}

Result<int> Snapshots::checkpoint() {
  bool asked = requests.exchange(0) != 0;
  if (driver_.asked && driver_.asked(driver_.context) != 0) asked = true;
  if (!asked) return 0;
  int result = driver_.take(driver_.context);
  if (result < 0) {
    return fail(-result, "au_checkpoint: {}", why(result));
  }
  taken_ = true;
  return result;
}

Status Snapshots::restore() {
  if (!taken_ && !knows_itself_)
    return fail(ENOENT,
                "au_restore: no checkpoint has been taken; one is when it is asked for and "
                "the program reaches au_checkpoint()");
  int result = driver_.go_back(driver_.context);
  return fail(-result, "au_restore: {}", why(result));
}

}  // namespace belay

extern "C" __attribute__((visibility("default"))) void belay_au_request_checkpoint(void) {
  belay::requests.fetch_add(1);
}
