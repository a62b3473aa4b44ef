// A program that knows nothing of Belay and makes its mappings longer in place, as fast as it can.
// Whoever watches a part of one that is longer by then cuts it in two, and the program's next
// mremap(2), which would span both, fails.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

namespace {

constexpr size_t kPage = 4096, kPagesMin = 8, kPagesMax = 64;
constexpr int kMappings = 30'000;
// To scan it takes time, in which what was known of the others becomes old.
constexpr size_t kBallastBytes = size_t{64} << 20;

void expect(bool fine, const char* what) {
  if (fine) return;
  perror(what);
  abort();
}

char* map(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect(at != MAP_FAILED, "mmap");
  return static_cast<char*>(at);
}

}  // namespace

int main() {
  memset(map(kBallastBytes), 1, kBallastBytes);
  uint64_t digest = 0;
  for (int i = 0; i < kMappings; i++) {
    char* memory = map(kPagesMax * kPage);
    munmap(memory + kPagesMin * kPage, (kPagesMax - kPagesMin) * kPage);
    memory[0] = char(i);
    for (size_t pages = kPagesMin; pages < kPagesMax;) {
      expect(mremap(memory, pages * kPage, (pages + kPagesMin) * kPage, 0) == memory, "mremap");
      pages += kPagesMin;
      memory[(pages - 1) * kPage] = char(i + int(pages));
    }
    for (size_t page = 0; page < kPagesMax; page++)
      digest = digest * 31 + uint8_t(memory[page * kPage]);
    munmap(memory, kPagesMax * kPage);
  }
  printf("%016lx\n", digest);
}
