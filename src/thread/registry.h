// The threads made by crthread_create: which there are, and when their stacks may be used again.
//
// A stack is free when the kernel has let go of its thread, which pthread_join alone tells. So a
// detached thread stays joinable underneath; when it ends it is put on a list, from which it is
// joined when the next thread is created or ends.
#pragma once

#include <pthread.h>

#include "thread/stack.h"

namespace belay {

// Lies above the stack, in the same block.
struct ThreadRecord {
  void* (*fn)(void*) = nullptr;
  void* arg = nullptr;
  pthread_t id = {};
  Stack stack;
  bool detached = false;
  bool joining = false;  // `joiner` waits for it
  pthread_t joiner = {};
  bool ending = false;                  // runs no more of the program's code but destructors
  ThreadRecord* next = nullptr;         // of the same bucket
  ThreadRecord* next_ending = nullptr;  // of the detached ones that end
};

// All members: pre: locked, unless it says otherwise.
class ThreadRegistry {
 public:
  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }

  // A record with its stack, of which the lowest `stack_bytes` are the thread's. Null: no memory.
  ThreadRecord* create(size_t stack_bytes);
  void add(ThreadRecord* record);
  // Null for a thread that crthread_create did not make, or that is gone.
  ThreadRecord* find(pthread_t id) const;
  // Whether such a thread had a stack of ours: then it is gone, and its id means nothing.
  bool is_stale(pthread_t id) const { return !find(id) && stacks_.spans(uintptr_t(id)); }
  // Whether `joiner` may wait for the thread, as an error of pthread_join(3); if so, notes it.
  // Checked here, since glibc 2.29 to 2.36 doesn't see two that wait for one thread or each other.
  int start_join(ThreadRecord* record, pthread_t joiner);
  void detach(ThreadRecord* record);
  void end(ThreadRecord* record);
  // pre: not added, or joined.
  void discard(ThreadRecord* record) { stacks_.release(record->stack); }
  void remove(ThreadRecord* record);
  // Joins the detached threads that have ended.
  void reap();

 private:
  static constexpr size_t kBuckets = 4096;  // 32 KiB: two or three records each for 10,000 threads
  static size_t bucket(pthread_t id) {
    return (uintptr_t(id) * 0x9e3779b97f4a7c15) >> 52;  // Fibonacci hashing, upper 12 bits
  }

  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  StackPool stacks_;
  ThreadRecord* buckets_[kBuckets] = {};
  ThreadRecord* ending_ = nullptr;
};

}  // namespace belay
