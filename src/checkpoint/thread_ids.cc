// Kernel ids of restored threads. Where the kernel did not give a thread the id that the C library
// remembers in its control block (it does for root), the id stays what the program knew, so that
// the owners written into its mutexes stay right, and the two calls that hand another thread's id
// to the kernel are translated here: they are the only libc names that libbelay interposes.
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/syscall.h"
#include "checkpoint/shared.h"

namespace belay {
namespace {

constexpr size_t kSlots = 1 << 16;  // twice the most threads that a checkpoint holds

struct Slot {
  uint64_t thread;              // a pthread_t; 0: empty
  const uint32_t* id_in_block;  // where libc keeps the thread's id
  uint32_t remembered, real;
};
Slot g_slots[kSlots];  // zero until a restore needs it: costs no memory
uint32_t g_used;

Slot* find(uint64_t thread) {
  uint64_t at = (thread >> 6) * 0x9E3779B97F4A7C15 >> 48;
  for (size_t probes = 0; probes < kSlots; probes++, at = (at + 1) % kSlots) {
    uint64_t there = __atomic_load_n(&g_slots[at].thread, __ATOMIC_ACQUIRE);
    if (there == thread || there == 0) return &g_slots[at];
  }
  return nullptr;
}

// The real id of `thread`, or 0 where libc knows it. A control block that has another id by now is
// another thread's.
int real_tid(pthread_t thread) {
  if (__atomic_load_n(&g_used, __ATOMIC_ACQUIRE) == 0) return 0;
  const Slot* slot = find(thread);
  if (slot == nullptr || slot->thread != thread) return 0;
  if (*slot->id_in_block != slot->remembered) return 0;
  return int(slot->real);
}

template <class Function>
Function* next(const char* name, Function** cache) {
  if (*cache == nullptr) *cache = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  return *cache;
}

int signal_thread(int tid, int signal) {
  return int(-sys::call(SYS_tgkill, sys::getpid(), tid, signal));
}

// glibc >= 2.34: success for a thread that has ended but is not joined.
int unless_ended(int result) { return result == ESRCH ? 0 : result; }

uint32_t restores_so_far() { return __atomic_load_n(&g_shared.restores, __ATOMIC_ACQUIRE); }

}  // namespace

// Called by each restored thread on itself.
void note_thread_id() {
  uint32_t* remembered = nullptr;
  if (sys::call(SYS_prctl, 40 /* PR_GET_TID_ADDRESS */, &remembered) != 0 || remembered == nullptr)
    return;
  auto real = uint32_t(sys::gettid());
  uint64_t self = uint64_t(__builtin_thread_pointer());
  if (*remembered == real && __atomic_load_n(&g_used, __ATOMIC_ACQUIRE) == 0) return;
  for (;;) {
    Slot* slot = find(self);
    if (slot == nullptr) return;
    uint64_t empty = 0;
    if (slot->thread != self && !__atomic_compare_exchange_n(&slot->thread, &empty, self, false,
                                                             __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      continue;
    slot->id_in_block = remembered;
    slot->remembered = *remembered;
    slot->real = real;
    __atomic_store_n(&g_used, 1, __ATOMIC_RELEASE);
    return;
  }
}

}  // namespace belay

extern "C" __attribute__((visibility("default"))) int pthread_kill(pthread_t thread, int signal) {
  static decltype(pthread_kill)* libc;
  for (;;) {
    uint32_t restores = belay::restores_so_far();
    int tid = belay::real_tid(thread);
    int result = tid != 0 ? belay::signal_thread(tid, signal)
                          : belay::next("pthread_kill", &libc)(thread, signal);
    // It may have come back in a process with other ids, between asking for them and using them.
    if (result == ESRCH && restores != belay::restores_so_far()) continue;
    return belay::unless_ended(result);
  }
}

extern "C" __attribute__((visibility("default"))) int pthread_cancel(pthread_t thread) {
  static decltype(pthread_cancel)* libc;
  int result = belay::next("pthread_cancel", &libc)(thread);
  constexpr int kCancelSignal = 32;  // glibc's SIGCANCEL: makes the thread look at its flag
  if (int tid = belay::real_tid(thread))
    return belay::unless_ended(belay::signal_thread(tid, kCancelSignal));
  return result;
}
