// The C interface of checkpoint_restore.h, as far as checkpoints go, and what `belay run` preloads.
#include <belay/checkpoint_restore.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <mutex>

#include "base/last_error.h"
#include "base/log.h"
#include "base/syscall.h"
#include "checkpoint/crash_point.h"
#include "checkpoint/engine.h"
#include "checkpoint/lazy_fill.h"
#include "checkpoint/process_facts.h"
#include "checkpoint/restore.h"
#include "checkpoint/shared.h"
#include "heap/heap.h"

#define BELAY_EXPORT extern "C" __attribute__((visibility("default")))

namespace belay {
namespace {

pthread_mutex_t g_api_lock = PTHREAD_MUTEX_INITIALIZER;

class ApiLock {
 public:
  ApiLock() { pthread_mutex_lock(&g_api_lock); }
  ~ApiLock() { pthread_mutex_unlock(&g_api_lock); }
};

void read_log_level() {
  const char* text = getenv("BELAY_LOG");
  if (text != nullptr && *text >= '0' && *text <= '2') log_level = LogLevel(*text - '0');
}

// Everything of crinit() up to, but without, the helper.
Status prepare(const crattr* attributes) {
  read_log_level();
  set_crash_point(getenv("BELAY_CRASH_AT"));
  g_shared.given = given_descriptors();
  BELAY_ASSIGN(g_shared.config, make_config(attributes));
  BELAY_TRY(heap_configure(g_shared.config.heap_bytes_max));
  BELAY_TRY(make_directory(g_shared.config));
  BELAY_ASSIGN(g_shared.lock_fd, lock_instance(g_shared.config));
  g_shared.identity = own_build_identity();
  return {};
}

// Starts the helper. Not before a restore() that may come: a checkpoint of a program that has just
// begun must not become the newest one.
Status launch() {
  if (g_engine != nullptr) return {};
  BELAY_ASSIGN(StorePosition position, newest_position(g_shared.config));
  return start_engine(position);
}

Status activate() {
  static bool handlers = false;
  if (!handlers) pthread_atfork(wait_for_lazy_fill, nullptr, leave_engine_in_child);
  handlers = true;
  BELAY_ASSIGN(bool any, store_holds_any(g_shared.config));
  if (!any) BELAY_TRY(launch());
  g_shared.active = true;
  return {};
}

void undo_prepare() {
  if (g_shared.lock_fd >= 0) close(g_shared.lock_fd);
  g_shared.lock_fd = -1;
}

int start(const crattr* attributes) {
  ApiLock lock;
  if (g_shared.active) return 0;
  Status status = prepare(attributes);
  if (status) status = activate();
  if (status) return 0;
  undo_prepare();
  return set_last_error(status.error());
}

// The preloaded library acts in the one process that `belay run` made for it.
bool is_chosen() {
  const char* chosen = getenv("BELAY_RUN");
  return chosen != nullptr && strtol(chosen, nullptr, 10) == getpid();
}

[[noreturn]] void stop_preloaded(const Error& error) {
  log(LogLevel::kError, "{}", error.message);
  _exit(error.code == EBADMSG ? 65 : 78);  // EX_DATAERR, EX_CONFIG
}

__attribute__((constructor)) void start_preloaded() {
  if (!is_chosen()) return;
  Status status = prepare(nullptr);
  if (!status) stop_preloaded(status.error());
  status = restore_newest(g_shared.config, g_shared.identity, g_shared.lock_fd);
  if (status) status = activate();
  if (status) status = launch();
  if (!status) stop_preloaded(status.error());
  g_shared.preloaded = true;
}

// For those who go on without restore(), or after it.
Status launch_late() {
  ApiLock lock;
  return launch();
}

int inactive() {
  return set_last_error(fail(EINVAL, "crinit() has not been called in this process").value());
}

}  // namespace
}  // namespace belay

using namespace belay;

BELAY_EXPORT int belay_crinit(const crattr* attributes) { return start(attributes); }

BELAY_EXPORT int belay_checkpoint() {
  if (!g_shared.active) return inactive();
  if (Status status = launch_late(); !status) return set_last_error(status.error());
  uint32_t restores = __atomic_load_n(&g_shared.restores, __ATOMIC_ACQUIRE);
  uint32_t number = request_checkpoint();
  for (;;) {
    uint32_t completed = __atomic_load_n(&g_shared.completed, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&g_shared.restores, __ATOMIC_ACQUIRE) != restores) return 1;
    if (int32_t(completed - number) >= 0) break;
    sys::futex_wait(&g_shared.completed, completed);
  }
  return g_shared.last_code == 0 ? 0 : set_last_error(g_shared.last_error);
}

BELAY_EXPORT int belay_crcheckpoint_request() {
  if (!g_shared.active) {
    errno = EINVAL;
    return -1;
  }
  request_checkpoint();
  return 0;
}

BELAY_EXPORT int belay_restore() {
  if (!g_shared.active) return inactive();
  if (g_shared.preloaded) return 0;  // `belay run` has restored what there was before main
  if (sys::gettid() != sys::getpid())
    return set_last_error(fail(EINVAL, "restore() must be called by the main thread").value());
  Status status = restore_newest(g_shared.config, g_shared.identity, g_shared.lock_fd);
  Status launched = launch_late();
  if (status) status = launched;
  return status ? 0 : set_last_error(status.error());
}

BELAY_EXPORT int belay_crstats(struct crstats* out) {
  if (!g_shared.active) return inactive();
  *out = g_shared.stats;
  return 0;
}
