"""Mixed programs for the campaign: C that csmith does not write (mixed.h), in two parts, linked or
loaded, and in threads."""

import pathlib

import cpp_program

OPERATIONS = [line for line in (pathlib.Path(__file__).parent / "mixed_operations.txt").read_text(
    encoding="utf-8").splitlines() if not line.startswith("#")]
MAIN = """
#if RG_PART == 0
typedef int (*Operation)(int);
static Operation operations[COUNT];
static uint64_t run(int first) {
  state.sum = first;
  for (int i = 0; i < ROUNDS; i++) {
    int x = (i * STEP + first) % 997;
    fold((uint64_t)operations[x % COUNT](x));
  }
  return digest();
}
static void* run_thread(void* out) {
  *(uint64_t*)out = run((int)(*(uint64_t*)out));
  return NULL;
}
int main(void) {
FIND
#ifdef RG_THREADS
  enum { kThreads = 4 };
  pthread_t threads[kThreads];
  uint64_t digests[kThreads];
  for (int i = 0; i < kThreads; i++) {
    digests[i] = (uint64_t)i * 7;
    pthread_create(&threads[i], NULL, run_thread, &digests[i]);
#ifdef RG_REFERENCE /* which forks */
    pthread_join(threads[i], NULL);
#endif
  }
  for (int i = 0; i < kThreads; i++) {
#ifndef RG_REFERENCE
    pthread_join(threads[i], NULL);
#endif
    printf("thread %d: %llx\\n", i, (unsigned long long)digests[i]);
  }
#else
  (void)run_thread;
  printf("%llx %s %d\\n", (unsigned long long)run(0), state.text, state.numbers[5]);
#endif
}
#endif
"""


def generate(rng):
    count = rng.randint(4, 8)
    sites = iter(range(1, 1 << 20))
    parts = ['#include "mixed.h"', "#ifndef RG_DLOPEN"]
    parts += [f"int op_{index}(int x);" for index in range(count)]
    parts += ["#endif"]
    for index in range(count):
        # In the second part whatever calls nothing of the first.
        parts.append(f"#if RG_PART == {index % 2}\n{function(rng, index, sites)}#endif\n")
    find = ["#ifdef RG_DLOPEN", "  void* part = dlopen(RG_DLOPEN, RTLD_NOW);",
            "  if (part == NULL) return puts(dlerror()), 1;",
            '  struct Sites sites = ((struct Sites (*)(void))dlsym(part, "rg_part"))();',
            "  rg_find_memory(sites.begin, sites.end);"]
    find += [f'  operations[{i}] = (Operation)dlsym(part, "op_{i}");' for i in range(1, count, 2)]
    find += ["#else", *(f"  operations[{i}] = op_{i};" for i in range(1, count, 2)), "#endif"]
    find += [f"  operations[{i}] = op_{i};" for i in range(0, count, 2)]
    text = MAIN.replace("COUNT", str(count)).replace("FIND", "\n".join(find))
    text = text.replace("ROUNDS", str(rng.randint(6, 20))).replace("STEP", str(rng.randint(3, 99)))
    return "\n".join(parts) + text


def function(rng, index, sites):
    body = "\n".join(step(rng, index, sites, 0) for _ in range(rng.randint(2, 5)))
    return (f"int op_{index}(int x) {{\n  int local = x;\n  int small[4] = {{x, 1, 2, 3}};\n"
            f"  int large[40] = {{x}};\n  struct Pair pair = {{x, \"abcd\", 1.5}};\n"
            f"{body}\n  fold((uint64_t)(small[0] + small[1] + small[2] + small[3]));\n"
            "  for (int i = 0; i < 40; i++) fold((uint64_t)large[i]);\n"
            "  fold((uint64_t)(pair.first + pair.tag[1] + (int)pair.second));\n"
            "  return local;\n}\n")


def step(rng, index, sites, depth):
    kind = rng.random()
    steps = "\n".join(step(rng, index, sites, depth + 1) for _ in range(rng.randint(1, 3))) \
        if kind < 0.55 and depth < 3 else ""
    if steps and kind < 0.15:
        return f"  for (int i = 0; i < {rng.randint(2, 4)}; i++) {{ local += i;\n{steps}\n  }}"
    if steps and kind < 0.23:
        return f"  if (local % {rng.randint(2, 4)}) {{\n{steps}\n  }}"
    if steps:
        rewind = f"RG_REWIND({next(sites)})\n" if rng.random() < 0.3 else ""
        return f"RG_BEGIN({next(sites)})\n{steps}\n{rewind}RG_END"
    if index > 1 and kind > 0.9:
        # Of the same part.
        return f"  local ^= op_{rng.randrange(index % 2, index, 2)}(local & 127);"
    text = cpp_program.fill_in(rng, rng.choice(OPERATIONS), "(local & 1023)")
    return f"  {text}\n  local = (int)((local * 7u + {rng.randint(1, 99)}) % 9973);"
