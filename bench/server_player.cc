// A program whose memory goes back again and again: what server_bench times.
//
// usage: server_player PAGES ROUNDS             prints the median of au_restore(), in microseconds
#include <belay/autonomize.h>
#include <belay/savepoint.h>
#include <stdlib.h>

#include <cstring>
#include <ctime>

#include "row.h"

namespace {

constexpr size_t kBytes = 128 << 20, kPageBytes = 4096;
constexpr int kRoundsMax = 2000;

// What does not go back.
struct Kept {
  double start_us, samples[kRoundsMax];
  int count;
};

double now_us() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) * 1e6 + double(time.tv_nsec) / 1e3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  size_t pages = strtoul(argv[1], nullptr, 10);
  int rounds = std::min(atoi(argv[2]), kRoundsMax);
  auto* memory = static_cast<char*>(aligned_alloc(kPageBytes, kBytes));
  memset(memory, 1, kBytes);
  auto* kept = static_cast<Kept*>(belay_exempt_malloc(sizeof(Kept)));
  *kept = {};
  belay_au_request_checkpoint();
  int result = belay_au_checkpoint();
  if (result == 2) kept->samples[kept->count++] = now_us() - kept->start_us;
  if (result >= 1 && kept->count == rounds) {
    printf("%f\n", belay::bench::quantile({kept->samples, kept->samples + kept->count}, 0.5));
    return 0;
  }
  if (result >= 1) {
    for (size_t i = 0; i < pages; i++) memory[i * (kBytes / pages) / kPageBytes * kPageBytes] = 2;
    kept->start_us = now_us();
    belay_au_restore();
  }
  fprintf(stderr, "server_player: %s\n", belay_au_error());
  return 1;
}
