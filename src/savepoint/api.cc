// The C interface: from the program's stack to one of Belay's own, and back.
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/exempt_data.h"
#include "base/last_error.h"
#include "base/syscall.h"
#include "belay/savepoint.h"
#include "checkpoint/shared.h"
#include "heap/futex_lock.h"
#include "savepoint/in_handler.h"
#include "savepoint/tree.h"

#define BELAY_EXPORT extern "C" __attribute__((visibility("default")))

namespace belay {
namespace {

BELAY_EXEMPT_DATA constinit FutexLock g_lock;
BELAY_EXEMPT_DATA constinit Tree* g_tree = nullptr;
BELAY_EXEMPT_DATA constinit int g_descriptors[OpenFiles::kOwnMax] = {};  // a fork has no tree
BELAY_EXEMPT_DATA constinit size_t g_descriptor_count = 0;
BELAY_EXEMPT_DATA constinit bool g_fork_handled = false;

// What a call hands to the code on the other stack. On the caller's, so that it comes back with it.
struct Call {
  Tree::Moment moment;
  uint64_t id = 0;
  int value = 0;
  Error error;
};

// As long as it lives nobody else is in here, no signal arrives, and no thread that is stopped
// meanwhile holds the lock: whoever waits for it does so with signals open.
class Entered {
 public:
  Entered() {
    uint64_t all = ~uint64_t{0};
    for (;;) {
      sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask_, sizeof all);
      if (g_lock.try_lock()) return;
      sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask_, nullptr, sizeof mask_);
      sys::call(SYS_sched_yield);
    }
  }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;
  // After a rollback the thread that made it has opened the lock.
  void came_back() { locked_ = false; }
  ~Entered() {
    if (locked_) g_lock.unlock();
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask_, nullptr, sizeof mask_);
  }

 private:
  uint64_t mask_ = 0;
  bool locked_ = true;
};

// How many times a library was loaded or unloaded.
uint64_t libraries_loaded() {
  uint64_t changes = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        *static_cast<uint64_t*>(out) = info->dlpi_adds + info->dlpi_subs;
        return 1;
      },
      &changes);
  return changes;
}

constexpr size_t kRoomBytes = 128 << 10;

[[gnu::noinline]] void touch_stack() {
  [[maybe_unused]] volatile char room[2 * kRoomBytes];
  room[0] = 0;
}

// Before the first savepoint: room at the ends of the heap and of main's stack. If each round of a
// loop made them grow, each rollback would have to make them shrink.
void make_room() {
  if (g_tree != nullptr) return;
  void* volatile room = malloc(kRoomBytes - 4096);  // volatile: or both calls are optimised away
  free(room);
  rlimit stack;
  if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur > 16 * kRoomBytes &&
      sys::gettid() == sys::getpid())
    touch_stack();
}

// With the lock held.
Status open_tree() {
  if (g_tree != nullptr) return {};
  if (g_shared.active)
    return fail(ENOTSUP, "savepoints and crinit() do not go together: both watch all memory");
  const char* tracker = secure_getenv("BELAY_TRACKER");
  BELAY_ASSIGN(Tree * tree, Tree::open(tracker != nullptr && strcmp(tracker, "compare") == 0));
  g_tree = tree;
  g_descriptor_count = 0;
  for (int fd : tree->own_descriptors()) g_descriptors[g_descriptor_count++] = fd;
  return tree->configure_from_environment();
}

// The tree's memory has stayed with the parent.
void leave_in_child() {
  for (int fd : std::span(g_descriptors).first(g_descriptor_count)) sys::call(SYS_close, fd);
  g_descriptor_count = 0;
  g_tree = nullptr;
  g_lock.reset();
}

void handle_forks() {
  if (g_fork_handled) return;
  g_fork_handled = true;
  pthread_atfork(nullptr, nullptr, leave_in_child);
}

long take_on_own_stack(void* argument) {
  auto& call = *static_cast<Call*>(argument);
  Status status = g_tree->take(call.moment, &call.id);
  if (status) return 0;
  call.error = status.error();
  return -1;
}

// The last steps, on a stack that the next caller does not use before this thread stands still.
struct WayOut {
  ThreadPlace place;
  long value;
};
BELAY_EXEMPT_DATA constinit WayOut g_way_out = {};

[[noreturn]] long leave_for_savepoint(void*) {
  WayOut out = g_way_out;
  g_lock.unlock();
  if (out.place.frame != 0) belay_return_to(out.place.frame, out.value);
  belay_resume_context(&out.place.handler);
}

long roll_back_on_own_stack(void* argument) {
  auto& call = *static_cast<Call*>(argument);
  int value = call.value;
  auto place = g_tree->roll_back(call.moment, call.id, value);
  if (!place) {
    call.error = place.error();
    return -1;
  }
  g_way_out = {*place, value};
  uint64_t frame;
  return belay_call_on_stack(g_tree->way_out_top(), leave_for_savepoint, nullptr, &frame);
}

// Calls a function that changes nothing but the tree, which is made if there is none.
template <class Function>
int in_tree(Function function) {
  handle_forks();
  Status status;
  {
    Entered entered;
    status = open_tree();
    if (status) status = function(*g_tree);
  }
  return status ? 0 : set_last_error(status.error());
}

int fail_with(const Status& status) { return set_last_error(status.error()); }

}  // namespace
}  // namespace belay

using namespace belay;  // NOLINT(google-build-using-namespace): what follows is C

BELAY_EXPORT int belay_savepoint(belay_savepoint_t* out) {
  *out = 0;
  if (in_signal_handler())
    return fail_with(fail(EDEADLK, "no savepoint in a signal handler: set a flag there"));
  handle_forks();
  make_room();
  Call call;
  call.moment = {.tid = int(sys::gettid()), .libraries_loaded = libraries_loaded()};
  Status status;
  long result = -1;
  {
    Entered entered;
    status = open_tree();
    if (status) {
      // The name of the savepoint has to be in the memory that it saves.
      result =
          belay_call_on_stack(g_tree->stack_top(), take_on_own_stack, &call, &call.moment.frame);
      if (result > 0) entered.came_back();
    }
  }
  *out = call.id;
  if (!status) return fail_with(status);
  return result < 0 ? set_last_error(call.error) : int(result);
}

BELAY_EXPORT int belay_rollback_to(belay_savepoint_t savepoint, int value) {
  if (value < 0) return fail_with(fail(EINVAL, "a rollback's value is not negative"));
  if (in_signal_handler())
    return fail_with(fail(EDEADLK, "cannot roll back in a signal handler: set a flag there"));
  Call call;
  call.id = savepoint;
  call.value = value > 0 ? value : 1;
  call.moment = {.tid = int(sys::gettid()), .libraries_loaded = libraries_loaded()};
  {
    Entered entered;
    if (g_tree == nullptr)
      call.error = Status(fail(EINVAL, "cannot roll back: this process has taken none")).error();
    else
      belay_call_on_stack(g_tree->stack_top(), roll_back_on_own_stack, &call, &call.moment.frame);
  }
  return set_last_error(call.error);
}

BELAY_EXPORT int belay_release_savepoint(belay_savepoint_t savepoint) {
  return in_tree([&](Tree& tree) { return tree.release(savepoint); });
}

BELAY_EXPORT int belay_release_descendants(belay_savepoint_t savepoint) {
  return in_tree([&](Tree& tree) { return tree.release_descendants(savepoint); });
}

BELAY_EXPORT belay_savepoint_t belay_savepoint_parent(belay_savepoint_t savepoint) {
  belay_savepoint_t parent = 0;
  in_tree([&](Tree& tree) -> Status {
    BELAY_ASSIGN(parent, tree.parent(savepoint));
    return {};
  });
  return parent;
}

BELAY_EXPORT int belay_exempt(void* start, size_t bytes) {
  auto from = reinterpret_cast<uint64_t>(start);
  return in_tree([&](Tree& tree) { return tree.exempt().add(from, from + bytes); });
}

BELAY_EXPORT int belay_unexempt(void* start) {
  return in_tree([&](Tree& tree) -> Status {
    if (tree.exempt().remove(reinterpret_cast<uint64_t>(start))) return {};
    return fail(EINVAL, "no exempt range begins at {}", start);
  });
}

BELAY_EXPORT int belay_exempt_file(int fd) {
  return in_tree([&](Tree& tree) { return tree.files().exempt(fd); });
}

BELAY_EXPORT int belay_savepoint_configure(const belay_savepoint_attr* attr) {
  return in_tree([&](Tree& tree) { return tree.configure(*attr); });
}

BELAY_EXPORT int belay_savepoint_statistics(struct belay_savepoint_statistics* out) {
  *out = {};
  return in_tree([&](Tree& tree) -> Status {
    tree.read_statistics(out);
    return {};
  });
}
