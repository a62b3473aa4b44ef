// Raw system calls: they return -errno, touch no thread-local storage, and are async-signal-safe.
// Stopped-world code, Belay's helper threads and the restorer use these and nothing of libc's.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <cstddef>
#include <cstdint>

namespace belay::sys {

namespace detail {
template <class T>
inline long word(T value) {
  if constexpr (sizeof(T) == 8)
    return __builtin_bit_cast(long, value);
  else
    return static_cast<long>(value);
}
inline long word(decltype(nullptr)) { return 0; }
}  // namespace detail

// Up to six arguments; the asm block is the x86-64 convention of syscall(2). Always inline: the
// restorer may call nothing outside its section.
[[gnu::always_inline]] inline long call6(long number, long a, long b, long c, long d, long e,
                                         long f) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

template <class A = long, class B = long, class C = long, class D = long, class E = long,
          class F = long>
inline long call(long number, A a = {}, B b = {}, C c = {}, D d = {}, E e = {}, F f = {}) {
  using detail::word;
  return call6(number, word(a), word(b), word(c), word(d), word(e), word(f));
}

inline bool is_error(long result) { return result < 0 && result > -4096; }

inline long write(int fd, const void* data, size_t bytes) {
  return call(SYS_write, fd, data, bytes);
}
inline long getpid() { return call(SYS_getpid); }
inline long gettid() { return call(SYS_gettid); }

inline long mmap(void* address, size_t bytes, int protection, int flags, int fd, int64_t offset) {
  return call(SYS_mmap, address, bytes, protection, flags, fd, offset);
}
inline long munmap(void* address, size_t bytes) { return call(SYS_munmap, address, bytes); }

// Sleeps while *word == expected, at most `timeout` (relative; null: for ever).
inline long futex_wait(const uint32_t* word, uint32_t expected, const timespec* timeout = nullptr) {
  return call(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout);
}
inline long futex_wake(const uint32_t* word, int waiters = INT32_MAX) {
  return call(SYS_futex, word, FUTEX_WAKE_PRIVATE, waiters);
}

// Nanoseconds of `clock`, by the real system call: the vdso may not be mapped where libc thinks.
inline uint64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
  timespec now;
  call(SYS_clock_gettime, clock, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
}

}  // namespace belay::sys
