// The exempt arena: a second arena with one heap and one lock. It holds a few large things (a
// model's weights), so it is simple rather than fast.
#include "heap/exempt.h"

#include <errno.h>

#include "base/last_error.h"
#include "belay/checkpoint_restore.h"
#include "heap/arena.h"
#include "heap/heap.h"

namespace belay {
namespace {

// All that is not in the arena itself, in one piece: it stays when the arena stays.
struct ExemptState {
  Arena arena;
  FutexLock lock;
  LocalHeap* heap = nullptr;
};
constinit ExemptState exempt_state;
constinit Arena& exempt_arena = exempt_state.arena;
constinit FutexLock& exempt_lock = exempt_state.lock;
constinit LocalHeap*& exempt_heap = exempt_state.heap;

// pre: exempt_lock is held.
Status open_exempt() {
  if (exempt_heap != nullptr) return {};
  BELAY_TRY(exempt_arena.open(kExemptArenaBase, kExemptBytesDefault));
  exempt_heap = exempt_arena.acquire_heap();
  if (exempt_heap == nullptr) return fail(ENOMEM, "exempt_malloc: no memory for its tables");
  return {};
}

Result<void*> allocate_exempt(size_t bytes) {
  FutexGuard guard(exempt_lock);
  BELAY_TRY(open_exempt());
  void* block = exempt_arena.allocate(*exempt_heap, bytes, false);
  if (block == nullptr)
    return fail(ENOMEM, "exempt_malloc of {} bytes: all {} are in use", bytes,
                exempt_arena.runs().limit_bytes());
  return block;
}

}  // namespace

void exempt_lock_for_fork() {
  exempt_lock.lock();
  exempt_arena.lock_all();
}

void exempt_unlock_after_fork(bool in_child) {
  if (in_child) {
    exempt_arena.reset_locks();
    exempt_lock.reset();
  } else {
    exempt_arena.unlock_all();
    exempt_lock.unlock();
  }
}

std::span<std::byte> exempt_bookkeeping() {
  return {reinterpret_cast<std::byte*>(&exempt_state), sizeof exempt_state};
}

HeapRange exempt_range() { return {exempt_arena.runs().begin(), exempt_arena.runs().end()}; }

}  // namespace belay

extern "C" __attribute__((visibility("default"))) void* belay_exempt_malloc(size_t bytes) {
  auto block = belay::allocate_exempt(bytes);
  if (block) return *block;
  belay::set_last_error(block.error());
  return nullptr;
}

extern "C" __attribute__((visibility("default"))) void belay_exempt_free(void* block) {
  if (block == nullptr) return;
  belay::FutexGuard guard(belay::exempt_lock);
  belay::exempt_arena.free(*belay::exempt_heap, block);
}
