#include "region/clone_table.h"

#include <pthread.h>
#include <sys/auxv.h>

#include <cstdint>

#include "region/library_functions.h"
#include "region/thread_state.h"
#include "region/unknown.h"

namespace belay::region {

namespace {

// Fixed: 64 Ki buckets hold a million functions in chains of 16, and readers need no grace period.
constexpr int kBucketsLog2 = 16;
Clone* buckets[size_t{1} << kBucketsLog2];
pthread_mutex_t change = PTHREAD_MUTEX_INITIALIZER;

Clone** bucket_of(void* function) {
  auto key = reinterpret_cast<uint64_t>(function);
  return &buckets[key * 0x9e3779b97f4a7c15u >> (64 - kBucketsLog2)];
}

// Clones are taken one page at a time and never given back.
Clone* new_clone() {
  constexpr size_t kBatch = 4096;
  static Clone* batch;
  static size_t used = kBatch;
  if (used == kBatch) {
    batch = reinterpret_cast<Clone*>(reserve(kBatch * sizeof(Clone)));
    if (batch == nullptr) fatal("no memory for the table of functions");
    used = 0;
  }
  return &batch[used++];
}

void* const kDropped = &change;  // no function

Clone* find_added(void* function) {
  Clone* clone = __atomic_load_n(bucket_of(function), __ATOMIC_ACQUIRE);
  while (clone != nullptr && __atomic_load_n(&clone->function, __ATOMIC_ACQUIRE) != function)
    clone = clone->next;
  return clone;
}

// What effects.def says holds of the library's function only. Where the linker has folded two
// functions of which one logs nothing (BELAY_KEEP), a pointer does not say which one is meant.
void merge_clone(Clone* known, const ClonePair& pair, bool listed) {
  known->objects++;
  if (known->clone == pair.clone || listed) return;
  if (known->listed) {
    known->listed = false;
    __atomic_store_n(&known->clone, pair.clone, __ATOMIC_RELEASE);
  } else if (known->clone == known->function || pair.clone == pair.function) {
    __atomic_store_n(&known->clone, nullptr, __ATOMIC_RELEASE);
  }
}

void add_clone(const ClonePair& pair, bool listed) {
  if (pair.function == nullptr || pair.clone == nullptr) return;  // weak, and not there
  if (Clone* known = find_added(pair.function)) return merge_clone(known, pair, listed);
  Clone** bucket = bucket_of(pair.function);
  Clone* clone = new_clone();
  *clone = {pair.function, pair.clone, 1, listed, *bucket, false};
  __atomic_store_n(bucket, clone, __ATOMIC_RELEASE);
}

void drop_clone(const ClonePair& pair) {
  Clone* known = pair.clone ? find_added(pair.function) : nullptr;
  if (known != nullptr && --known->objects == 0)
    __atomic_store_n(&known->function, kDropped, __ATOMIC_RELEASE);
}

// What the pointer to an ifunc stands for. The pointer itself may be to a stub.
ClonePair dispatched(void* pointer, void* resolver) {
  struct Argument {
    unsigned long size, hwcap, hwcap2;
  } argument = {sizeof argument, getauxval(AT_HWCAP), getauxval(AT_HWCAP2)};
  // What a resolver takes where it takes anything (sys/ifunc.h of AArch64).
  constexpr uint64_t kHasArgument = uint64_t{1} << 62;
  auto resolve = reinterpret_cast<void* (*)(uint64_t, const Argument*)>(resolver);
  void* function = resolve(argument.hwcap | kHasArgument, &argument);
  const Clone* known = function != pointer ? find_added(function) : nullptr;
  return {pointer, known != nullptr ? known->clone : nullptr};
}

// Here, where a static link needs this file anyway: nothing else would take the list's along.
__attribute__((constructor(101))) void begin_table() { add_library_functions(); }

}  // namespace

Clone* find_clone(void* function) {
  Clone* clone = find_added(function);
  if (clone == nullptr || !clone->listed) return clone;
  if (__atomic_load_n(&clone->is_known_library, __ATOMIC_RELAXED)) return clone;
  if (!is_library_function(function)) return nullptr;
  __atomic_store_n(&clone->is_known_library, true, __ATOMIC_RELAXED);
  return clone;
}

void add_clones(const ClonePair* pairs, size_t count, bool listed) {
  pthread_mutex_lock(&change);
  for (size_t i = 0; i < count; i++) add_clone(pairs[i], listed);
  pthread_mutex_unlock(&change);
}

void drop_clones(const ClonePair* pairs, size_t count) {
  pthread_mutex_lock(&change);
  for (size_t i = 0; i < count; i++) drop_clone(pairs[i]);
  pthread_mutex_unlock(&change);
}

Void __belay_add_clones(Ptr table, Size count) {
  add_clones(static_cast<const ClonePair*>(table), count);
}

Void __belay_add_listed(Ptr table, Size count) {
  add_clones(static_cast<const ClonePair*>(table), count, /*listed=*/true);
}

Void __belay_drop_clones(Ptr table, Size count) {
  drop_clones(static_cast<const ClonePair*>(table), count);
}

Void __belay_add_dispatched(Ptr function, Ptr resolver) {
  ClonePair pair = dispatched(function, resolver);
  add_clones(&pair, 1);
}

Void __belay_drop_dispatched(Ptr function, Ptr resolver) {
  ClonePair pair = dispatched(function, resolver);
  drop_clones(&pair, 1);
}

Ptr __belay_resolve(Ptr function, Ptr site) {
  this_thread.statistics.lookups++;
  Clone* found = find_clone(function);
  if (found == nullptr) return unknown_function(function);
  if (found->clone == nullptr) folded_function(function);
  if (site != nullptr) __atomic_store_n(static_cast<Clone**>(site), found, __ATOMIC_RELEASE);
  return found->clone;
}

Ptr __belay_listed_call(Ptr name, Ptr function, Ptr clone, Ptr target) {
  const Clone* known = find_clone(function);
  Ptr found = known != nullptr ? known->clone : nullptr;
  if (found == nullptr && is_library_function(function)) found = clone ? clone : function;
  if (found == nullptr) return unknown_own_function(static_cast<const char*>(name), function);
  __atomic_store_n(static_cast<Ptr*>(target), found, __ATOMIC_RELEASE);
  return found;
}

}  // namespace belay::region
