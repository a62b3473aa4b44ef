// The C interface of checkpoint_restore.h, as far as checkpoints go, and what `belay run` preloads.
#include <belay/checkpoint_restore.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <mutex>

#include "base/last_error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/syscall.h"
#include "base/text.h"
#include "checkpoint/choose.h"
#include "checkpoint/crash_point.h"
#include "checkpoint/engine.h"
#include "checkpoint/lazy_fill.h"
#include "checkpoint/process_facts.h"
#include "checkpoint/restore.h"
#include "checkpoint/shared.h"
#include "heap/heap.h"
#include "store/named.h"

#define BELAY_EXPORT extern "C" __attribute__((visibility("default")))

namespace belay {
namespace {

pthread_mutex_t g_api_lock = PTHREAD_MUTEX_INITIALIZER;
// Held while a named checkpoint is taken: whoever comes back in it still holds it, and lets it go.
pthread_mutex_t g_named_lock = PTHREAD_MUTEX_INITIALIZER;

class Locked {
 public:
  explicit Locked(pthread_mutex_t& mutex) : mutex_(mutex) { pthread_mutex_lock(&mutex_); }
  ~Locked() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t& mutex_;
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
  Locked lock(g_api_lock);
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
  status = restore_checkpoint(g_shared.config, nullptr, g_shared.identity, g_shared.lock_fd);
  if (status) status = activate();
  if (status) status = launch();
  if (!status) stop_preloaded(status.error());
  g_shared.preloaded = true;
}

// For those who go on without restore(), or after it.
Status launch_late() {
  Locked lock(g_api_lock);
  return launch();
}

// True: the process has come back from a checkpoint since `restores` was read.
bool wait_for_checkpoint(uint32_t restores) {
  uint32_t number = request_checkpoint();
  for (;;) {
    uint32_t completed = __atomic_load_n(&g_shared.completed, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&g_shared.restores, __ATOMIC_ACQUIRE) != restores) return true;
    if (int32_t(completed - number) >= 0) return false;
    sys::futex_wait(&g_shared.completed, completed);
  }
}

Status check_free(const char* name) {
  if (!is_checkpoint_name(name))
    return fail(EINVAL, "no name of a checkpoint: 1 to 63 letters, digits, '-', '_', '.'");
  auto found = find_named(g_shared.config.directory, name);
  if (found) return fail(EEXIST, "a checkpoint is kept as {} already", name);
  return found.error().code == ENOENT ? Status() : tl::make_unexpected(found.error());
}

// Drops it, and gives back what nobody needs any more.
Status drop(const char* name) {
  wait_for_lazy_fill();  // which may read from it
  BELAY_TRY(drop_named(real_os(), g_shared.config.directory, name));
  return reclaim_named(real_os(), g_shared.config.directory);
}

int inactive() {
  return set_last_error(fail(EINVAL, "crinit() has not been called in this process").value());
}

// Does not return when it restores: the newest without a name.
int come_back(const char* name) {
  if (sys::gettid() != sys::getpid())
    return set_last_error(fail(EINVAL, "restore() must be called by the main thread").value());
  Status status = restore_checkpoint(g_shared.config, name, g_shared.identity, g_shared.lock_fd);
  Status launched = launch_late();
  if (status) status = launched;
  return status ? 0 : set_last_error(status.error());
}

}  // namespace
}  // namespace belay

using namespace belay;

BELAY_EXPORT int belay_crinit(const crattr* attributes) { return start(attributes); }

BELAY_EXPORT int belay_checkpoint() {
  if (!g_shared.active) return inactive();
  if (Status status = launch_late(); !status) return set_last_error(status.error());
  uint32_t restores = __atomic_load_n(&g_shared.restores, __ATOMIC_ACQUIRE);
  if (wait_for_checkpoint(restores)) return 1;
  return g_shared.last_code == 0 ? 0 : set_last_error(g_shared.last_error);
}

BELAY_EXPORT int belay_checkpoint_named(const char* name) {
  if (!g_shared.active) return inactive();
  Locked lock(g_named_lock);
  Status status = check_free(name);
  if (status) status = launch_late();
  if (!status) return set_last_error(status.error());
  copy_text(g_shared.keep_as, name);
  uint32_t restores = __atomic_load_n(&g_shared.restores, __ATOMIC_ACQUIRE);
  __atomic_store_n(&g_shared.keep_next, true, __ATOMIC_RELEASE);
  if (wait_for_checkpoint(restores)) return 1;
  return g_shared.kept_code == 0 ? 0 : set_last_error(g_shared.kept_error);
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
  return come_back(nullptr);
}

BELAY_EXPORT int belay_restore_named(const char* name) {
  return g_shared.active ? come_back(name) : inactive();
}

BELAY_EXPORT int belay_crverify(const char* name) {
  if (!g_shared.active) return inactive();
  Status status = restore_checkpoint(g_shared.config, name, g_shared.identity, g_shared.lock_fd,
                                     /*rehearses=*/true);
  return status ? 0 : set_last_error(status.error());
}

BELAY_EXPORT int belay_crdrop(const char* name) {
  if (!g_shared.active) return inactive();
  Locked lock(g_named_lock);
  Status status = drop(name);
  return status ? 0 : set_last_error(status.error());
}

BELAY_EXPORT int belay_crnamed(void (*fn)(const char* name, void* arg), void* arg) {
  if (!g_shared.active) return inactive();
  auto found = list_named(g_shared.config.directory);
  if (!found) return set_last_error(found.error());
  for (const NamedCheckpoint& named : *found) fn(named.name.c_str(), arg);
  return int(found->size());
}

BELAY_EXPORT int64_t belay_crdisk_bytes() {
  if (!g_shared.active) return inactive();
  auto bytes = disk_bytes(g_shared.config.directory);
  return bytes ? int64_t(*bytes) : set_last_error(bytes.error());
}

BELAY_EXPORT const char* belay_crdirectory() {
  return g_shared.active ? g_shared.config.directory : nullptr;
}

BELAY_EXPORT int belay_crstats(struct crstats* out) {
  if (!g_shared.active) return inactive();
  *out = g_shared.stats;
  return 0;
}
