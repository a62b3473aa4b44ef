#include "region/clone_table.h"

#include <pthread.h>

#include <cstdint>

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

void add_clone(const ClonePair& pair) {
  if (pair.function == nullptr) return;  // weak, and not there
  if (Clone* known = find_clone(pair.function)) {
    known->objects++;
    // The C library's name, but a function of the program's that has a clone.
    if (known->clone == known->function) known->clone = pair.clone;
    return;
  }
  Clone** bucket = bucket_of(pair.function);
  Clone* clone = new_clone();
  *clone = {pair.function, pair.clone, 1, *bucket};
  __atomic_store_n(bucket, clone, __ATOMIC_RELEASE);
}

void drop_clone(const ClonePair& pair) {
  Clone* known = pair.function ? find_clone(pair.function) : nullptr;
  if (known != nullptr && --known->objects == 0)
    __atomic_store_n(&known->function, nullptr, __ATOMIC_RELEASE);
}

}  // namespace

Clone* find_clone(void* function) {
  Clone* clone = __atomic_load_n(bucket_of(function), __ATOMIC_ACQUIRE);
  while (clone != nullptr && __atomic_load_n(&clone->function, __ATOMIC_ACQUIRE) != function)
    clone = clone->next;
  return clone;
}

void add_clones(const ClonePair* pairs, size_t count) {
  pthread_mutex_lock(&change);
  for (size_t i = 0; i < count; i++) add_clone(pairs[i]);
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

Void __belay_drop_clones(Ptr table, Size count) {
  drop_clones(static_cast<const ClonePair*>(table), count);
}

Ptr __belay_resolve(Ptr function, Ptr site) {
  this_thread.statistics.lookups++;
  Clone* found = find_clone(function);
  if (found == nullptr) return unknown_function(function);
  if (site != nullptr) __atomic_store_n(static_cast<Clone**>(site), found, __ATOMIC_RELEASE);
  return found->clone;
}

}  // namespace belay::region
