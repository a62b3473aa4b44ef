// For tests: what a rollback does not undo. GoogleTest's own notes are memory, and go back too.
#pragma once

#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/mman.h>

#include <cstdlib>
#include <new>
#include <random>

namespace belay {

// A T in shared memory.
template <class T>
class Outside {
 public:
  Outside() {
    void* memory =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    value_ = new (memory) T();
  }
  ~Outside() { munmap(value_, sizeof(T)); }
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;
  T* operator->() const { return value_; }
  T& operator*() const { return *value_; }

 private:
  T* value_;
};

// Counts what went wrong, says it at once, and fails the test in the end.
class Verdict {
 public:
  ~Verdict() { EXPECT_EQ(*failures_, 0) << "checks failed between rollbacks; see above"; }
  void check(bool right, const char* what, long detail = 0) {
    if (right || ++*failures_ > 10) return;
    fprintf(stderr, "failed: %s (%ld)\n", what, detail);
  }

 private:
  Outside<int> failures_;
};

#define BELAY_EXPECT(verdict, condition, detail) (verdict).check(condition, #condition, detail)

inline unsigned test_seed() {
  const char* text = getenv("BELAY_SEED");
  unsigned seed = text != nullptr ? unsigned(atol(text)) : 1;
  printf("BELAY_SEED=%u\n", seed);
  return seed;
}

inline bool test_full() {
  const char* text = getenv("BELAY_TEST_FULL");
  return text != nullptr && text[0] == '1';
}

}  // namespace belay
