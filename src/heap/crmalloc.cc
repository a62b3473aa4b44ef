// The C face of the main arena: what each thread allocates from, and the way there for the first
// time. Usable before constructors have run and after destructors have.
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/last_error.h"
#include "base/log.h"
#include "belay/checkpoint_restore.h"
#include "heap/arena.h"
#include "heap/exempt.h"
#include "heap/heap.h"
#include "heap/heap_limit.h"
#include "heap/roots.h"

#define BELAY_EXPORT extern "C" __attribute__((visibility("default")))

namespace belay {
namespace {

constinit Arena main_arena;
constinit LocalHeap no_heap;

// initial-exec: one instruction, and never memory from malloc for a thread's first access.
[[gnu::tls_model("initial-exec")]] constinit thread_local LocalHeap* local_heap = &no_heap;

constinit FutexLock opening;
size_t asked_bytes = 0;
pthread_key_t at_thread_end;

void lock_before_fork() {
  opening.lock();
  main_arena.lock_all();
  exempt_lock_for_fork();
  roots_lock_for_fork();
}

void unlock_in_parent() {
  roots_unlock_after_fork(false);
  exempt_unlock_after_fork(false);
  main_arena.unlock_all();
  opening.unlock();
}

// The heaps of the parent's other threads stay as they were at that moment, perhaps in the middle
// of a change, so their free blocks are lost to the child.
void unlock_in_child() {
  roots_unlock_after_fork(true);
  exempt_unlock_after_fork(true);
  main_arena.reset_locks();
  opening.reset();
}

void end_thread(void* heap) {
  local_heap = &no_heap;  // later destructors may free: that goes to the owner's mail
  main_arena.release_heap(static_cast<LocalHeap*>(heap));
}

Status open_main() {
  FutexGuard guard(opening);
  if (main_arena.ready()) return {};
  auto bytes = heap_limit(asked_bytes);
  if (!bytes) {
    log(LogLevel::kError, "{}; taking the default", bytes.error().message);
    bytes = kHeapBytesDefault;
  }
  if (int error = pthread_key_create(&at_thread_end, end_thread); error != 0)
    return fail(error, "heap: no key for thread-specific data: {}", errno_text(error));
  Status opened = main_arena.open(kMainArenaBase, *bytes);
  if (!opened) pthread_key_delete(at_thread_end);
  return opened;
}

void* refuse(const Error& error) {
  set_last_error(error);
  return nullptr;
}

void* out_of_memory(size_t bytes) {
  return refuse(fail(ENOMEM,
                     "crmalloc of {} bytes: the heap is at its limit of {} (BELAY_HEAP_MAX)", bytes,
                     main_arena.runs().limit_bytes())
                    .value());
}

// The calling thread's heap, made on its first allocation; null without memory.
__attribute__((noinline)) LocalHeap* make_heap() {
  if (!main_arena.ready()) {
    if (Status opened = open_main(); !opened) {
      refuse(opened.error());
      return nullptr;
    }
    // May allocate, so the lock is open again and the arena ready. Whoever comes second registers
    // nothing.
    static std::atomic_flag registered;
    if (!registered.test_and_set())
      pthread_atfork(lock_before_fork, unlock_in_parent, unlock_in_child);
  }
  if (local_heap != &no_heap) return local_heap;
  LocalHeap* heap = main_arena.acquire_heap();
  if (heap == nullptr) {
    out_of_memory(sizeof(LocalHeap));
    return nullptr;
  }
  local_heap = heap;
  pthread_setspecific(at_thread_end, heap);  // may allocate as well
  return heap;
}

LocalHeap* own_heap() { return local_heap != &no_heap ? local_heap : make_heap(); }

__attribute__((noinline)) void* allocate_slow(size_t bytes, bool zeroed) {
  LocalHeap* heap = own_heap();
  if (heap == nullptr) return nullptr;
  void* block = main_arena.allocate(*heap, bytes, zeroed);
  return block != nullptr ? block : out_of_memory(bytes);
}

}  // namespace

Status heap_configure(size_t heap_bytes_max) {
  BELAY_ASSIGN(size_t bytes, heap_limit(heap_bytes_max));
  FutexGuard guard(opening);
  if (!main_arena.ready()) {
    asked_bytes = bytes;
    return {};
  }
  if (bytes > main_arena.runs().reserved_bytes() && heap_bytes_max != 0)
    return fail(EBUSY, "heap limit of {} bytes: {} are reserved since the first crmalloc", bytes,
                main_arena.runs().reserved_bytes());
  main_arena.runs().set_limit(bytes);
  return {};
}

HeapRange heap_range() { return {main_arena.runs().begin(), main_arena.runs().end()}; }

}  // namespace belay

using namespace belay;

BELAY_EXPORT void* belay_crmalloc(size_t bytes) {
  if (bytes <= kDirectBytesMax) [[likely]] {
    if (void* block = local_heap->try_allocate(bytes)) [[likely]]
      return block;
  }
  return allocate_slow(bytes, false);
}

BELAY_EXPORT void* belay_crcalloc(size_t count, size_t bytes) {
  size_t total;
  if (__builtin_mul_overflow(count, bytes, &total))
    return refuse(
        fail(ENOMEM, "crcalloc of {} times {} bytes: more than there is", count, bytes).value());
  if (total <= kDirectBytesMax) [[likely]] {
    if (void* block = local_heap->try_allocate(total)) [[likely]]
      return memset(block, 0, total);
  }
  return allocate_slow(total, true);
}

BELAY_EXPORT void belay_crfree(void* block) {
  Runs& runs = main_arena.runs();
  LocalHeap* heap = local_heap;
  size_t unit = runs.unit_of(block);
  if (unit != Runs::kNoUnit && heap->try_free(runs, unit, block)) [[likely]]
    return;
  main_arena.free(*heap, block);
}

// As in glibc: realloc(block, 0) frees.
BELAY_EXPORT void* belay_crrealloc(void* block, size_t bytes) {
  if (block == nullptr) return belay_crmalloc(bytes);
  if (bytes == 0) {
    belay_crfree(block);
    return nullptr;
  }
  LocalHeap* heap = own_heap();
  if (heap == nullptr) return nullptr;
  void* moved = main_arena.reallocate(*heap, block, bytes);
  return moved != nullptr ? moved : out_of_memory(bytes);
}

BELAY_EXPORT void* belay_crmemalign(size_t alignment, size_t bytes) {
  if (alignment == 0 || (alignment & (alignment - 1)) != 0)
    return refuse(fail(EINVAL, "crmemalign: {} is no power of two", alignment).value());
  LocalHeap* heap = own_heap();
  if (heap == nullptr) return nullptr;
  void* block = main_arena.allocate_aligned(*heap, alignment, bytes);
  return block != nullptr ? block : out_of_memory(bytes);
}

BELAY_EXPORT size_t belay_crmalloc_usable_size(const void* block) {
  return main_arena.usable_bytes(block);
}

BELAY_EXPORT int belay_crheap_stats(struct crheap_stats* out) {
  if (out == nullptr) {
    return set_last_error(fail(EINVAL, "crheap_stats: no place for the result").value());
  }
  if (local_heap != &no_heap) {
    local_heap->flush();
    local_heap->read_mail();
  }
  ArenaStats stats = main_arena.stats();
  *out = {stats.reserved_bytes, stats.committed_bytes, stats.allocated_bytes, stats.allocations};
  return 0;
}
