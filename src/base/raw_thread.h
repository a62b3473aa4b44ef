// A thread that the C library does not know: it outlives no exit(), counts in no pthread_exit() of
// main, is never cancelled, and is invisible to the program it serves. It has a thread control
// block of zeros, so code on it uses raw system calls only: no errno, no malloc, no locale, no
// thread_local.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace belay {

struct RawThread {
  int tid = 0;            // 0 once it has ended (futex word, woken by the kernel)
  void* stack = nullptr;  // what was given to start()
};

constexpr size_t kRawThreadStackBytes = 256 << 10;

// Starts entry(argument) on `stack` (kRawThreadStackBytes, page-aligned, zeroed), all signals
// blocked. `thread` must stay put until the thread has ended. Returns 0 or -errno.
long start_raw_thread(RawThread* thread, void* stack, void (*entry)(void*), void* argument);

// The kernel's ids of all that run, into `out`; returns the part of it that is used.
constexpr size_t kRawThreadsMax = 16;
std::span<const int> raw_thread_ids(int (&out)[kRawThreadsMax]);

// In a process that has come back, where none of them runs any more.
void forget_raw_threads();

// Waits until it has returned from its entry function.
void join_raw_thread(RawThread* thread);

}  // namespace belay
