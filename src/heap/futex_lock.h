// A lock of one word that needs no constructor and no C library, usable before either is there.
#pragma once

#include <atomic>

#include "base/syscall.h"

namespace belay {

class FutexLock {
 public:
  void lock() {
    uint32_t expected = kOpen;
    if (!word_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire)) wait();
  }
  bool try_lock() {
    uint32_t expected = kOpen;
    return word_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire);
  }
  void unlock() {
    if (word_.exchange(kOpen, std::memory_order_release) == kContended)
      sys::futex_wake(reinterpret_cast<uint32_t*>(&word_), 1);
  }
  // In the child of a fork, whose only thread holds it.
  void reset() { word_.store(kOpen, std::memory_order_relaxed); }

 private:
  enum : uint32_t { kOpen = 0, kHeld = 1, kContended = 2 };

  void wait() {
    // Sections under this lock last well under a microsecond; sleeping costs several.
    for (int spin = 0; spin < 100; ++spin) {
      if (word_.load(std::memory_order_relaxed) == kOpen && try_lock()) return;
      __builtin_ia32_pause();
    }
    while (word_.exchange(kContended, std::memory_order_acquire) != kOpen)
      sys::futex_wait(reinterpret_cast<uint32_t*>(&word_), kContended);
  }

  std::atomic<uint32_t> word_{kOpen};
};

class FutexGuard {
 public:
  explicit FutexGuard(FutexLock& lock) : lock_(lock) { lock_.lock(); }
  ~FutexGuard() { lock_.unlock(); }
  FutexGuard(const FutexGuard&) = delete;
  FutexGuard& operator=(const FutexGuard&) = delete;

 private:
  FutexLock& lock_;
};

}  // namespace belay
