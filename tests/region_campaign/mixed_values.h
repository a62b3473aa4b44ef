/* mixed_values.h — values of rare types for mixed programs, in one thread's state: complex, half
 * and extended reals, integers of 77 and of 128 bits, vectors of three, of five and of 64 bytes,
 * bit-fields in unions and across words, a structure that is atomic, a flexible array.
 */
#ifndef RG_MIXED_VALUES_H
#define RG_MIXED_VALUES_H

#include <complex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef _BitInt(77) Int77;
typedef short Three __attribute__((ext_vector_type(3)));
typedef char Five __attribute__((ext_vector_type(5)));
typedef double Wide __attribute__((vector_size(64)));
union Fields {
  struct {
    uint64_t low : 13, across : 55, high : 60;
    bool flag : 1;
  } of_words;
  struct __attribute__((packed)) {
    uint32_t first : 5, second : 30;
    int64_t third : 47;
  } of_bytes;
  struct {
    unsigned char left : 4, : 0, right : 3;
    volatile int watched : 11;
  } apart;
  uint64_t words[4];
};
struct Triple { /* no atomic instruction is as wide, nor a power of two */
  int number;
  char tag[3];
};
struct Tail {
  uint16_t count;
  int items[];
};
struct Values {
  double complex complex_one;
  float complex complex_few[3];
  _Float16 halves[6];
  long double extended[2];
  Int77 integer;
  __int128 pair;
  Three three[3];
  Five five[2];
  Wide wide;
  union Fields fields[2];
  _Atomic double atomic_real;
  _Atomic(bool) atomic_flag;
  _Atomic short atomic_short;
  volatile struct Triple watched;
  struct Tail* tail;
  int grid[5][7];
};

static inline struct Tail* make_tail(int count) {
  struct Tail* made = malloc(sizeof *made + sizeof(int) * (size_t)count);
  made->count = (uint16_t)count;
  for (int i = 0; i < count; i++) made->items[i] = i * i;
  return made;
}

/* By value, and through memory that the caller gives. */
struct Reals {
  long double one;
  double complex two;
};
__attribute__((noinline, unused)) static struct Reals make_reals(int x) {
  return (struct Reals){x * 0.5L, x + 2 * I};
}
__attribute__((noinline, unused)) static struct Reals swap_reals(struct Reals of) {
  struct Reals made = {creal(of.two), (double)of.one + cimag(of.two) * I};
  of.one = 0;
  return made;
}
static struct Reals (*const kReals[])(struct Reals) __attribute__((unused)) = {swap_reals};

static inline uint64_t value_digest(const struct Values* of) {
  uint64_t sum = 7;
#define RG_MIX_VALUE(value) sum = (sum ^ (uint64_t)(int64_t)(value)) * 0x100000001b3u
  RG_MIX_VALUE(creal(of->complex_one));
  RG_MIX_VALUE(cimag(of->complex_one));
  for (int i = 0; i < 3; i++) RG_MIX_VALUE(crealf(of->complex_few[i]) * 8);
  for (int i = 0; i < 6; i++) RG_MIX_VALUE((float)of->halves[i] * 8);
  RG_MIX_VALUE(of->extended[0]);
  RG_MIX_VALUE(of->extended[1]);
  RG_MIX_VALUE(of->integer);
  RG_MIX_VALUE(of->integer >> 40);
  RG_MIX_VALUE(of->pair >> 64);
  RG_MIX_VALUE(of->pair);
  for (int i = 0; i < 3; i++)
    RG_MIX_VALUE(of->three[i].x + 3 * of->three[i].y + 9 * of->three[i].z);
  for (int i = 0; i < 5; i++) RG_MIX_VALUE(of->five[0][i] + 99 * of->five[1][i]);
  for (int i = 0; i < 8; i++) RG_MIX_VALUE(of->wide[i]);
  for (int i = 0; i < 8; i++) RG_MIX_VALUE(of->fields[i / 4].words[i % 4]);
  RG_MIX_VALUE(of->atomic_real);
  RG_MIX_VALUE(of->atomic_flag + 2 * of->atomic_short);
  RG_MIX_VALUE(of->watched.number + of->watched.tag[1]);
  if (of->tail)
    for (int i = 0; i < of->tail->count; i++) RG_MIX_VALUE(of->tail->items[i]);
  for (int i = 0; i < 35; i++) RG_MIX_VALUE(of->grid[i / 7][i % 7]);
#undef RG_MIX_VALUE
  return sum;
}

#endif
