// stdlib.h, time.h, fenv.h: what calls back, has hidden state, or returns a buffer of libc's.
#include <fenv.h>
#include <search.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>

#include "region/actions.h"
#include "region/effect.h"
#include "region/exits.h"
#include "region/external.h"
#include "region/output.h"
#include "region/written.h"

using namespace belay::region;

namespace {

using Compare = int (*)(const void*, const void*);

}  // namespace

EFFECT(void, qsort, (void* base, size_t count, size_t bytes, Compare compare)) {
  log_bytes(base, count * bytes);
  qsort(base, count, bytes, clone_of(compare));
}
EFFECT(void, qsort_r,
       (void* base, size_t count, size_t bytes, int (*compare)(const void*, const void*, void*),
        void* argument)) {
  log_bytes(base, count * bytes);
  qsort_r(base, count, bytes, clone_of(compare), argument);
}
EFFECT(void*, bsearch,
       (const void* key, const void* base, size_t count, size_t bytes, Compare compare)) {
  return bsearch(key, base, count, bytes, clone_of(compare));
}
EFFECT(void*, lsearch,
       (const void* key, void* base, size_t* count, size_t bytes, Compare compare)) {
  log_bytes(static_cast<char*>(base) + *count * bytes, bytes);
  log_bytes(count, sizeof *count);
  return lsearch(key, base, count, bytes, clone_of(compare));
}
EFFECT(void*, lfind,
       (const void* key, const void* base, size_t* count, size_t bytes, Compare compare)) {
  return lfind(key, base, count, bytes, clone_of(compare));
}

// Libc's buffers may be in use outside: regions have some of their own.
namespace {

tm broken_down;
char text[64];

}  // namespace

EFFECT(tm*, gmtime, (const time_t* from)) {
  log_spans(object(&broken_down));
  return gmtime_r(from, &broken_down);
}
EFFECT(tm*, localtime, (const time_t* from)) {
  log_spans(object(&broken_down), time_zone());
  tzset();
  return localtime_r(from, &broken_down);
}
EFFECT(char*, asctime, (const tm* from)) {
  log_spans(object(&text));
  return asctime_r(from, text);
}
EFFECT(char*, ctime, (const time_t* from)) { return fx_asctime(fx_localtime(from)); }

EFFECT(int, fesetround, (int to)) {
  auto old = static_cast<intptr_t>(fegetround());
  on_rollback([](void* each) { fesetround(static_cast<int>(reinterpret_cast<intptr_t>(each))); },
              reinterpret_cast<void*>(old));
  return fesetround(to);
}

// ---- random(): its state is an array that initstate() tells, and positions that go with it into
// the array's first word whenever another array takes its place. ----

namespace {

constexpr size_t kStateBytesMax = 256;

struct Generator {
  char* array;
  int32_t first_word;  // as it was before the positions went into it
  size_t bytes;
  char state[kStateBytesMax];
};

char* last_array;  // where it was when a region asked last

size_t state_bytes(const char* array) {  // by its type: 0, 1, 2, 3, 4
  constexpr size_t kBytes[] = {8, 32, 64, 128, 256};
  int32_t word;
  memcpy(&word, array, sizeof word);
  return kBytes[word % 5];
}

void set_generator(void* argument) {
  auto* old = static_cast<Generator*>(argument);
  char other[8];
  initstate(1, other, sizeof other);
  memcpy(old->array, old->state, old->bytes);
  setstate(old->array);
  memcpy(old->array, &old->first_word, sizeof old->first_word);
  free(old);
}

}  // namespace

static void note_generator() {
  if (!in_region() || find_noted(&last_array) != nullptr) return;
  auto* old = static_cast<Generator*>(malloc(sizeof(Generator)));
  if (old == nullptr) fatal("no memory for the state of random()");
  char other[8];
  int32_t before = 0;
  if (last_array != nullptr) memcpy(&before, last_array, sizeof before);
  char* array = initstate(1, other, sizeof other);
  old->array = array;
  old->bytes = state_bytes(array);
  memcpy(old->state, array, old->bytes);
  setstate(array);
  memcpy(&old->first_word, array == last_array ? reinterpret_cast<char*>(&before) : array,
         sizeof before);
  last_array = array;
  add_noted(&last_array);
  on_rollback_only(set_generator, old);
}

// So that the word that is put back is known.
__attribute__((constructor(101))) static void find_generator() {
  char other[8];
  last_array = initstate(1, other, sizeof other);
  setstate(last_array);
}

EFFECT(int, rand, ()) {
  note_generator();
  return rand();
}
EFFECT(long, random, ()) {
  note_generator();
  return random();
}
EFFECT(void, srand, (unsigned seed)) {
  note_generator();
  srand(seed);
}
EFFECT(void, srandom, (unsigned seed)) {
  note_generator();
  srandom(seed);
}
EFFECT(char*, initstate, (unsigned seed, char* array, size_t bytes)) {
  note_generator();
  log_bytes(array, bytes);
  return initstate(seed, array, bytes);
}
EFFECT(char*, setstate, (char* array)) {
  note_generator();
  log_bytes(array, state_bytes(array));
  return setstate(array);
}

// ---- The end of the program keeps what the region did: there is nobody left to undo it for. ----

// A program that closes its output in the region can't see an error, but its status tells.
EFFECT(void, exit, (int status)) {
  register_exits();
  write_output();
  commit_actions();
  exit(has_output_failed() && status == EXIT_SUCCESS ? EXIT_FAILURE : status);
}
// These flush no stream, but what has been written to a descriptor is not to be lost.
EFFECT(void, _exit, (int status)) {
  write_output();
  commit_actions();
  _exit(status);
}
EFFECT(void, _Exit, (int status)) { fx__exit(status); }
EFFECT(void, abort, ()) {
  write_output();
  abort();
}
EFFECT(int, atexit, (void (*function)())) {
  if (!in_region()) return atexit(function);
  this_thread.exits.push({reinterpret_cast<void (*)(void*)>(function), nullptr, nullptr, false});
  return 0;
}
extern "C" [[noreturn]] void __assert_fail(const char*, const char*, unsigned,
                                           const char*) noexcept;
EFFECT(void, __assert_fail,
       (const char* condition, const char* file, unsigned line, const char* function)) {
  write_output();
  __assert_fail(condition, file, line, function);
}
