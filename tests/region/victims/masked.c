// Goal: stores of some elements of a vector (AVX's masked and scattered ones, AVX-512's compressed
// ones), where the machine has them: what they write goes back, and what they don't write may lie
// on a page that is not there.
#include <belay/region.h>

#include "check.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WITH(features) __attribute__((noinline, target(features))) static void

enum { kWords = 64 };
static int* words;  // the last ones before a page that nobody may touch

WITH("avx2") store_avx2(int first, int last) {
  __m256i lanes = _mm256_setr_epi32(first, 0, -1, 0, -1, 0, 0, last);
  _mm256_maskstore_epi32(words, lanes, _mm256_set1_epi32(77));
  _mm256_maskstore_ps((float*)words + kWords - 7, lanes, _mm256_set1_ps(7));
  _mm256_maskstore_pd((double*)(words + 8), _mm256_setr_epi64x(0, first, 0, -1), _mm256_set1_pd(3));
  _mm_maskmoveu_si128(_mm_set1_epi8(5), _mm_set1_epi16((short)0x80), (char*)(words + 20));
  _mm256_zeroupper();
}
WITH("avx512f,avx512vl") store_avx512(unsigned mask) {
  __m512i at = _mm512_setr_epi32(0, 9, 3, 63, 5, 1 << 20, 7, 30, 31, 32, 33, 40, 41, 42, 43, 44);
  _mm512_mask_i32scatter_epi32(words, (__mmask16)(mask & ~32u), at, _mm512_set1_epi32(6), 4);
  _mm512_mask_i64scatter_pd(words, (__mmask8)mask, _mm512_setr_epi64(0, 1, 2, 9, 8, 6, 5, 4),
                            _mm512_set1_pd(2), 8);
  _mm_mask_i64scatter_epi32(words, 3, _mm_set_epi64x(50, 51), _mm_set1_epi32(9), 4);
  _mm512_mask_compressstoreu_epi32(words + kWords - 3, 0x1010 | (mask & 1), at);
  _mm512_mask_storeu_epi32(words + kWords - 8, 0x11, at);
}

static void change(int round) {
  if (__builtin_cpu_supports("avx2")) store_avx2(round & 1 ? -1 : 0, 0);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
    store_avx512(0x5a5au + (unsigned)round);
}

int main(void) {
  long page = sysconf(_SC_PAGESIZE);
  char* pages =
      mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED && mprotect(pages + page, (size_t)page, PROT_NONE) == 0);
  words = (int*)(pages + page) - kWords;
  int before[kWords], after[kWords];
  for (int i = 0; i < kWords; i++) words[i] = before[i] = i + 1000;
  for (int round = 0; round < 4; round++) {
    change(round);
    memcpy(after, words, sizeof after);
    memcpy(words, before, sizeof before);
    for (int rollback = 1; rollback >= 0; rollback--) {
      start_ckpt();
      change(round);
      stop_ckpt(rollback);
      CHECK(memcmp(words, rollback ? before : after, sizeof after) == 0);
    }
    memcpy(words, before, sizeof before);
  }
  CHECK(!__builtin_cpu_supports("avx2") || memcmp(after, before, sizeof after) != 0);
  return 0;
}
#else
int main(void) { return 0; } /* its intrinsics are x86's */
#endif
