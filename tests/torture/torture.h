// What the torture program's parts share: a run's arguments, the state of a slot, and checks that
// end the program loudly.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace torture {

// Ends the program with what was expected: a wrong value must not merely change the checksum.
#define TORTURE_EXPECT(condition)                                                 \
  do {                                                                            \
    if (!(condition)) {                                                           \
      dprintf(2, "torture: %s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      _Exit(99);                                                                  \
    }                                                                             \
  } while (0)

struct Arguments {
  int threads = 1;
  int steps = 100;
  uint64_t seed = 1;
  std::string folder;
};

inline uint64_t mix(uint64_t hash, uint64_t value) {
  hash ^= value;
  hash *= 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

// Memory with a pattern that says whose it is.
struct Patterned {
  unsigned char* bytes = nullptr;
  size_t size = 0;
  uint64_t seed = 0;

  unsigned char expected(size_t at) const { return static_cast<unsigned char>(seed + at * 7); }
  void fill(size_t from) {
    for (size_t i = from; i < size; i++) bytes[i] = expected(i);
  }
  void check(size_t until) const {
    for (size_t i = 0; i < until; i++) TORTURE_EXPECT(bytes[i] == expected(i));
  }
};

// One line of work. Threads that end are re-created upon the same slot.
struct Slot {
  int number = 0;
  uint64_t hash = 0;
  std::mt19937_64 random;
  Patterned blocks[16];
  FILE* file = nullptr;  // its own output; null where there are too many slots
};

// The kinds of step. Each goes on from slot.hash and slot.random alone, so that the result does not
// depend on who runs when.
void allocate(Slot& slot);
void build_string(Slot& slot);
void throw_across_frames(Slot& slot);
void calculate(Slot& slot);
void print(Slot& slot, int step, FILE* shared_log);
void signal_oneself(Slot& slot);
void create_thread(Slot& slot);
void hold_mutexes(Slot& slot);
void wait_in_vain(Slot& slot);  // every call with a time-out
void ask_over_pipe(Slot& slot, int request_fd, int answer_fd);

// Pairs of threads wait for each other on a condition variable.
void meet(int slot, int slots);
// Threads born so far less those whose thread_local destructor has run.
int64_t threads_alive();
// Installs the handler of signal_oneself.
void install_signal_handler();
// Blocks the timer's signal in this thread and those that it creates; then a thread of its own does
// work in the timer's handler, on an alternate stack. Returns a hash of that work.
void block_timer_signal();
uint64_t work_in_timer_handler(int ticks);

}  // namespace torture
