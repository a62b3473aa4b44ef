/* mixed.h — what generated mixed programs know: C that csmith does not write. One thread's state,
 * the operations' helpers, and a digest. Each program is one file that is compiled as two parts
 * (RG_PART 0 and 1), linked or, the second one, loaded by dlopen (RG_DLOPEN); with RG_THREADS the
 * state is a thread's own and several run at once.
 */
#ifndef RG_MIXED_H
#define RG_MIXED_H
#define _GNU_SOURCE

#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness.h"
#include "mixed_values.h"

#define NOINLINE __attribute__((noinline, unused))
#define UNUSED __attribute__((unused))

enum { kNumbers = 64, kTextBytes = 64, kNodesMax = 20 };
typedef int Vector __attribute__((vector_size(16)));
struct Pair {
  int first;
  char tag[5];
  double second;
};
struct Bits {
  unsigned low : 3, middle : 7, high : 22;
  signed sign : 5;
  uint64_t wide : 41;
};
union Either {
  uint64_t word;
  float reals[2];
  unsigned char bytes[8];
};
struct Node {
  struct Node* next;
  int value;
};
struct State {
  int numbers[kNumbers];
  struct Bits bits[3];
  union Either either[4];
  Vector vectors[4];
  struct Pair pair;
  struct __attribute__((packed)) {
    char one;
    uint32_t four;
    uint64_t eight;
  } packed;
  uint32_t counter; /* of atomic operations */
  char text[kTextBytes];
  int (*function)(int);
  struct Node* nodes;
  int node_count;
  int* block;
  size_t block_count;
  struct Values values;
  uint64_t sum;
};

#ifdef RG_THREADS
#define RG_OWN _Thread_local
#else
#define RG_OWN
#endif
#if RG_PART == 0
RG_OWN struct State state;
#else
extern RG_OWN struct State state;
#endif
static RG_OWN UNUSED int part_own = 7;      /* each part's, and each thread's */
static _Thread_local UNUSED int thread_own; /* likewise, in a shared library too */

/* Of the second part, which may be a library: its call sites' caches, and its thread-local
 * variables are there from now on. */
struct Sites {
  char *begin, *end;
};
struct Sites rg_part(void);
#if RG_PART == 1
extern char __start_belay_sites[] __attribute__((weak, visibility("hidden")));
extern char __stop_belay_sites[] __attribute__((weak, visibility("hidden")));
struct Sites rg_part(void) {
  thread_own = 3;
  return (struct Sites){__start_belay_sites, __stop_belay_sites};
}
#endif

UNUSED static void fold(uint64_t value) { state.sum = (state.sum ^ value) * 0x100000001b3u; }

/* ---- Pointers to functions ------------------------------------------------------------------ */

NOINLINE static int add_one(int x) { return state.numbers[x & 63] += 1; }
NOINLINE static int twice(int x) { return state.numbers[x & 31] *= 2; }
NOINLINE static int swap_ends(int x) {
  int first = state.numbers[0];
  state.numbers[0] = state.numbers[63];
  state.numbers[63] = first + x;
  return first;
}
NOINLINE static int note(int x) { return part_own = part_own * 31 + x; }
static UNUSED int (*const kTable[])(int) = {add_one, twice, swap_ends, note};

/* What callbacks write is the same in whichever order the library calls them. */
static UNUSED int ascending(const void* a, const void* b) {
  state.counter = 77;
  return (*(const int*)a > *(const int*)b) - (*(const int*)a < *(const int*)b);
}
static UNUSED int by_low_byte(const void* a, const void* b) {
  thread_own = 5;
  int low = (*(const int*)a & 255) - (*(const int*)b & 255);
  return low != 0 ? low : ascending(a, b);
}

/* ---- Frames --------------------------------------------------------------------------------- */

NOINLINE static void deep(jmp_buf out, int n) {
  state.numbers[n & 63] += n;
  if (n % 5 == 0) longjmp(out, n + 1);
  deep(out, n - 1);
}
NOINLINE static int jump(int n) {
  jmp_buf out;
  volatile int tries = 0;
  int code = setjmp(out);
  if (code == 0 || tries < 3) {
    tries = tries + 1;
    deep(out, n % 20 + tries);
  }
  return code * 10 + tries;
}
NOINLINE static int set_all(int value, int count, ...) {
  va_list arguments, again;
  va_start(arguments, count);
  va_copy(again, arguments);
  for (int i = 0; i < count; i++) *va_arg(arguments, int*) += value;
  int sum = 0;
  for (int i = 0; i < count; i++) sum += *va_arg(again, int*);
  va_end(again);
  va_end(arguments);
  return sum;
}
NOINLINE static struct Pair make_pair(int first, double second) {
  struct Pair made = {first, "pair", second};
  made.tag[first & 3] = (char)('a' + (first & 15));
  return made;
}
NOINLINE static int spend(struct Pair copy) {
  copy.first += 3;
  memset(copy.tag, 'z', sizeof copy.tag);
  return copy.first + copy.tag[2];
}
NOINLINE static int fill(int* numbers, int count, int value) {
  for (int i = 0; i < count; i++) numbers[i] = value + i * i;
  return numbers[count / 2];
}
NOINLINE static int on_stack(int n) {
  int numbers[n];
  int* more = alloca(sizeof(int) * (size_t)n);
  fill(numbers, n, 3);
  memcpy(more, numbers, sizeof numbers);
  for (int i = 0; i < n; i++) state.numbers[i & 63] ^= more[i];
  return fill(more, n, state.numbers[1]);
}
NOINLINE static int recurse(int n) {
  int own[4] = {n, n + 1, n + 2, n + 3};
  state.numbers[own[n & 3] & 63] += n;
  return n <= 0 ? own[1] : recurse(n - 1) + own[2];
}

#include "mixed_control.h"

/* ---- Memory --------------------------------------------------------------------------------- */

UNUSED static void push(int value) {
  if (state.node_count == kNodesMax) return;
  struct Node* made = malloc(sizeof *made);
  *made = (struct Node){state.nodes, value};
  state.nodes = made;
  state.node_count++;
}
UNUSED static void pop(void) {
  struct Node* first = state.nodes;
  if (first == NULL) return;
  state.nodes = first->next;
  state.node_count--;
  first->value = -1;
  free(first);
}
UNUSED static void grow(size_t count) {
  int* block = realloc(state.block, count * sizeof *block);
  for (size_t i = state.block_count; i < count; i++) block[i] = (int)i;
  state.block = block;
  state.block_count = count;
}
UNUSED static void concatenate(const char* word) {
  if (strlen(state.text) + strlen(word) >= kTextBytes) state.text[0] = '\0';
  strcat(state.text, word);
}
UNUSED static int masked(unsigned mask) {
  int written = 0;
  for (int i = 0; i < 32; i++)
    if (mask >> i & 1 && state.numbers[i] % 3 != 0) state.numbers[i + 32] = written += i;
  return written;
}

UNUSED static uint64_t digest(void) {
  uint64_t sum = state.sum;
#define RG_MIX(value) sum = (sum ^ (uint64_t)(value)) * 0x100000001b3u
  for (int i = 0; i < kNumbers; i++) RG_MIX(state.numbers[i]);
  for (int i = 0; i < 3; i++)
    RG_MIX(state.bits[i].low + 8 * state.bits[i].middle + 1024 * state.bits[i].high +
           state.bits[i].sign + state.bits[i].wide);
  for (int i = 0; i < 4; i++) {
    RG_MIX(state.either[i].word);
    for (int lane = 0; lane < 4; lane++) RG_MIX(state.vectors[i][lane]);
  }
  RG_MIX(state.pair.first + spend(state.pair));
  RG_MIX((int64_t)state.pair.second);
  RG_MIX(state.packed.one + state.packed.four + state.packed.eight);
  RG_MIX(state.counter);
  for (const char* at = state.text; *at; at++) RG_MIX(*at);
  for (struct Node* at = state.nodes; at; at = at->next) RG_MIX(at->value);
  for (size_t i = 0; i < state.block_count; i++) RG_MIX(state.block[i]);
  RG_MIX(part_own + thread_own);
  RG_MIX(value_digest(&state.values));
  return sum;
}

#endif
