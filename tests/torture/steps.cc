// Steps that compute: memory, strings, exceptions, vector registers, output, signals, threads.
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "torture.h"

namespace torture {
namespace {

std::atomic<int64_t> g_alive;

// Its destructor must run once for each thread, restored or not.
struct Resident {
  Resident() { g_alive++; }
  ~Resident() {
    TORTURE_EXPECT(text == std::string(100, 'r'));
    g_alive--;
  }
  uint64_t visits = 0;
  std::string text = std::string(100, 'r');  // on the heap
};
thread_local Resident t_resident;
thread_local volatile uint64_t t_handled;

// Sixty-four bytes a vector: eight registers of AVX-512, sixteen of AVX2, live through the loop.
typedef uint64_t Vector __attribute__((vector_size(64)));

__attribute__((target_clones("avx512f", "avx2", "default"))) void stir(uint64_t seed, int rounds,
                                                                       uint64_t* out) {
  Vector v[8];
  for (int i = 0; i < 8; i++)
    for (int lane = 0; lane < 8; lane++) v[i][lane] = seed + uint64_t(i * 8 + lane);
  for (int round = 0; round < rounds; round++) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) v[i] += (v[(i + 1) & 7] << 13) ^ (v[i] >> 7);
  }
  Vector sum = v[0];
  for (int i = 1; i < 8; i++) sum ^= v[i] + uint64_t(i);
  memcpy(out, &sum, sizeof sum);
}

struct Unwound {
  explicit Unwound(int* counter) : counter(counter) {}
  ~Unwound() { ++*counter; }
  int* counter;
};

__attribute__((noinline)) void descend(int depth, uint64_t value, int* unwound) {
  Unwound guard(unwound);
  if (depth == 0) throw std::runtime_error("thrown " + std::to_string(value));
  try {
    descend(depth - 1, value, unwound);
  } catch (const std::runtime_error& error) {
    if (depth % 3 == 0) throw std::runtime_error(std::string(error.what()) + " again");
    throw;
  }
}

}  // namespace

int64_t threads_alive() { return g_alive; }

void allocate(Slot& slot) {
  for (int i = 0; i < 24; i++) {
    Patterned& block = slot.blocks[slot.random() % 16];
    size_t size = slot.random() % (slot.random() % 64 == 0 ? 200'000 : 3'000) + 1;
    block.check(block.size);
    if (slot.random() % 2 == 0) {
      free(block.bytes);
      block = {static_cast<unsigned char*>(malloc(size)), size, slot.random()};
      block.fill(0);
    } else {
      size_t kept = block.size < size ? block.size : size;
      block.bytes = static_cast<unsigned char*>(realloc(block.bytes, size));
      block.size = size;
      block.check(kept);
      block.fill(kept);
    }
    slot.hash = mix(slot.hash, block.bytes[size / 2]);
  }
}

void build_string(Slot& slot) {
  std::string text;
  std::vector<std::string> words;
  for (int i = 0; i < 60; i++) {
    text += std::to_string(slot.random() % 100'000);
    words.push_back(text.substr(text.size() / 2));
  }
  for (const std::string& word : words)
    slot.hash = mix(slot.hash, std::hash<std::string>()(word) + word.size());
}

void throw_across_frames(Slot& slot) {
  for (int i = 0; i < 4; i++) {
    int depth = int(slot.random() % 12), unwound = 0;
    try {
      descend(depth, slot.hash, &unwound);
      TORTURE_EXPECT(false);
    } catch (const std::exception& error) {
      TORTURE_EXPECT(unwound == depth + 1);
      slot.hash = mix(slot.hash, std::hash<std::string>()(error.what()));
    }
  }
}

void calculate(Slot& slot) {
  const int rounding = slot.number % 2 == 0 ? FE_UPWARD : FE_TONEAREST;
  fesetround(rounding);
  uint64_t out[8];
  stir(slot.hash, 3000, out);
  for (uint64_t lane : out) slot.hash = mix(slot.hash, lane);
  TORTURE_EXPECT(fegetround() == rounding);  // MXCSR and the x87 control word came back as well
  fesetround(FE_TONEAREST);
  t_resident.visits++;
}

void print(Slot& slot, int step, FILE* shared_log) {
  auto value = static_cast<unsigned long long>(slot.hash);
  fprintf(shared_log, "slot %d step %d hash %016llx\n", slot.number, step, value);
  if (slot.file == nullptr) return;
  for (int i = 0; i < 5; i++)
    fprintf(slot.file, "step %d line %d of 5: %.17g %016llx\n", step, i, double(value) / 7, value);
  if (step % 3 == 0) fflush(slot.file);
  slot.hash = mix(slot.hash, uint64_t(ftell(slot.file)));
}

void install_signal_handler() {
  struct sigaction action {};
  action.sa_handler = [](int) {
    uint64_t out[8];
    stir(t_handled, 500, out);
    t_handled = mix(t_handled, out[0]);
  };
  action.sa_flags = SA_RESTART;
  TORTURE_EXPECT(sigaction(SIGUSR1, &action, nullptr) == 0);
}

void signal_oneself(Slot& slot) {
  t_handled = slot.hash;
  for (int i = 0; i < 3; i++) TORTURE_EXPECT(pthread_kill(pthread_self(), SIGUSR1) == 0);
  slot.hash = mix(slot.hash, t_handled);
}

void create_thread(Slot& slot) {
  std::thread([&slot] {
    t_resident.visits++;
    allocate(slot);
    build_string(slot);
    TORTURE_EXPECT(t_resident.visits == 1);
  }).join();
}

}  // namespace torture
