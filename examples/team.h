// A team of Belay's threads, and arrays in its memory.
#pragma once

#include <belay/checkpoint_restore.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

// `count` zeroed values in checkpointed memory. Kept until the program ends.
template <class T>
T* crarray(size_t count) {
  void* block = crcalloc(count, sizeof(T));
  if (!block) {
    std::perror("crcalloc");
    std::exit(1);
  }
  return static_cast<T*>(block);
}

// Lets a standard container keep its elements there.
template <class T>
struct CrAllocator {
  using value_type = T;
  CrAllocator() = default;
  template <class U>
  CrAllocator(const CrAllocator<U>&) {}
  T* allocate(size_t count) { return crarray<T>(count); }
  void deallocate(T* block, size_t) { crfree(block); }
  bool operator==(const CrAllocator&) const { return true; }
};
template <class T>
using crvector = std::vector<T, CrAllocator<T>>;

// Threads that meet at wait().
class Team {
 public:
  explicit Team(int threads) : threads_(threads) {
    crbarrier_init(&barrier_, nullptr, unsigned(threads));
  }
  ~Team() { crbarrier_destroy(&barrier_); }
  Team(const Team&) = delete;

  int size() const { return threads_; }
  void wait() { crbarrier_wait(&barrier_); }

  // Runs body(0) ... body(size() - 1), each on a thread of its own, and returns when all have.
  template <class Body>
  void run(const Body& body) {
    struct Member {
      const Body* body;
      int number;
      crthread_t thread;
    };
    auto start = [](void* argument) -> void* {
      auto* member = static_cast<Member*>(argument);
      (*member->body)(member->number);
      return nullptr;
    };
    crvector<Member> members(size_t(threads_), Member{&body, 0, {}});
    for (int i = 0; i < threads_; i++) {
      members[i].number = i;
      if (int error = crthread_create(&members[i].thread, nullptr, start, &members[i])) {
        std::fprintf(stderr, "thread %d: %s\n", i, std::strerror(error));
        std::exit(1);
      }
    }
    for (Member& member : members) crthread_join(member.thread, nullptr);
  }

 private:
  int threads_;
  crbarrier_t barrier_;
};
