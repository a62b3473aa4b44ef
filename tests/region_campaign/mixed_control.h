/* mixed_control.h — ways of control in mixed programs: computed gotos, tail calls, cleanups, an
 * interpreter, frames of variable size.
 */
#ifndef RG_MIXED_CONTROL_H
#define RG_MIXED_CONTROL_H

NOINLINE static int interpret(int program, int steps) {
  static void* const kLabels[] = {&&add, &&store, &&jump_back, &&call};
  int at = 0, own = program;
#define RG_NEXT                 \
  if (steps-- <= 0) return own; \
  goto* kLabels[(program >> (at++ & 15)) & 3]
  RG_NEXT;
add:
  own += state.numbers[at & 63];
  RG_NEXT;
store:
  state.numbers[own & 63] = own ^ at;
  RG_NEXT;
jump_back:
  at -= 3;
  state.counter++;
  RG_NEXT;
call:
  own ^= kTable[own & 3](at);
  RG_NEXT;
#undef RG_NEXT
}

/* Each calls the next one in its own frame's place. */
NOINLINE static int tail_odd(int n, int* sum);
NOINLINE static int tail_even(int n, int* sum) {
  state.numbers[n & 63] += *sum;
  if (n <= 0) return *sum;
  __attribute__((musttail)) return tail_odd(n - 1, sum);
}
NOINLINE static int tail_odd(int n, int* sum) {
  static int (*const kTails[])(int, int*) = {tail_even, tail_odd};
  *sum += n;
  if (n <= 0) return *sum + 1;
  __attribute__((musttail)) return kTails[*sum & 1](n - 1, sum);
}

static void end_local(int* local) { state.sum ^= (uint64_t)++ * local; }
NOINLINE static int with_cleanup(int n) {
  for (int i = 0; i < 3; i++) {
    int held __attribute__((cleanup(end_local))) = n + i;
    if (held % 5 == 0) return held;
    if (held % 3 == 0) continue;
    state.numbers[i] += held;
  }
  return n;
}

/* Rows of a length that only the caller knows. */
NOINLINE static int rows(int n, int m, int grid[n][m]) {
  int copy[m][n];
  for (int i = 0; i < n; i++)
    for (int j = 0; j < m; j++) copy[j][i] = grid[i][j] += i * j;
  return copy[m - 1][n - 1] + copy[0][n / 2];
}
NOINLINE static int many_frames(int n) {
  int sum = 0;
  for (int i = 1; i <= n; i++) {
    long more[i * 3];
    char* aligned = __builtin_alloca_with_align((size_t)i * 16, 512);
    memset(aligned, i, (size_t)i * 16);
    for (int j = 0; j < i * 3; j++) more[j] = j + aligned[j];
    if (more[i] % 7 == 3) goto out;
    sum += (int)more[i - 1] + state.numbers[i]++;
  }
out:
  return sum;
}

/* Duff's device: into the middle of a loop. */
NOINLINE static void copy_odd(int* to, const int* from, int count) {
  int rounds = (count + 3) / 4;
  if (count <= 0) return;
  switch (count % 4) {
    case 0:
      do {
        *to++ = *from++;
        case 3:
          *to++ = *from++;
        case 2:
          *to++ = *from++;
        case 1:
          *to++ = *from++;
      } while (--rounds > 0);
  }
}

/* Structures, extended reals and wide integers in registers, on the stack, and through va_arg. */
NOINLINE static long mixed_arguments(int count, ...) {
  va_list arguments;
  va_start(arguments, count);
  long sum = 0;
  for (int i = 0; i < count; i++) {
    struct Pair pair = va_arg(arguments, struct Pair);
    sum += spend(pair) + (long)va_arg(arguments, long double) + (long)va_arg(arguments, __int128);
    *va_arg(arguments, long*) += sum;
  }
  va_end(arguments);
  return sum;
}

#endif
