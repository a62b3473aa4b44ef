// stdlib.h, math.h, time.h: what writes through pointers or calls back.
#include <sys/time.h>

#include <cmath>
#include <cstdlib>
#include <ctime>

#include "region/actions.h"
#include "region/effect.h"
#include "region/exits.h"
#include "region/output.h"

using belay::region::__belay_resolve;
using belay::region::log_bytes;
using belay::region::write_output;

namespace {

using Compare = int (*)(const void*, const void*);

// The clone of a callback, which libc then calls in the region.
Compare logging(Compare compare) {
  return reinterpret_cast<Compare>(__belay_resolve(reinterpret_cast<void*>(compare), nullptr));
}

template <class T>
void log_result(T* out) {
  if (out != nullptr) log_bytes(out, sizeof *out);
}

}  // namespace

EFFECT(void, qsort, (void* base, size_t count, size_t bytes, Compare compare)) {
  log_bytes(base, count * bytes);
  qsort(base, count, bytes, logging(compare));
}

EFFECT(void*, bsearch,
       (const void* key, const void* base, size_t count, size_t bytes, Compare compare)) {
  return bsearch(key, base, count, bytes, logging(compare));
}

EFFECT(long, strtol, (const char* text, char** end, int base)) {
  log_result(end);
  return strtol(text, end, base);
}
EFFECT(long long, strtoll, (const char* text, char** end, int base)) {
  log_result(end);
  return strtoll(text, end, base);
}
EFFECT(unsigned long, strtoul, (const char* text, char** end, int base)) {
  log_result(end);
  return strtoul(text, end, base);
}
EFFECT(unsigned long long, strtoull, (const char* text, char** end, int base)) {
  log_result(end);
  return strtoull(text, end, base);
}
EFFECT(double, strtod, (const char* text, char** end)) {
  log_result(end);
  return strtod(text, end);
}
EFFECT(float, strtof, (const char* text, char** end)) {
  log_result(end);
  return strtof(text, end);
}

EFFECT(long double, strtold, (const char* text, char** end)) {
  log_result(end);
  return strtold(text, end);
}

EFFECT(double, frexp, (double value, int* exponent)) {
  log_result(exponent);
  return frexp(value, exponent);
}
EFFECT(double, modf, (double value, double* whole)) {
  log_result(whole);
  return modf(value, whole);
}

EFFECT(time_t, time, (time_t * out)) {
  log_result(out);
  return time(out);
}
EFFECT(int, clock_gettime, (clockid_t clock, timespec* out)) {
  log_result(out);
  return clock_gettime(clock, out);
}
EFFECT(int, gettimeofday, (timeval * out, void* zone)) {
  log_result(out);
  return gettimeofday(out, zone);
}

// The end of the program keeps what the region did: there is nobody left to undo it for.
EFFECT(void, exit, (int status)) {
  belay::region::register_exits();
  write_output();
  belay::region::commit_actions();
  exit(status);
}
extern "C" [[noreturn]] void __assert_fail(const char*, const char*, unsigned,
                                           const char*) noexcept;
EFFECT(void, __assert_fail,
       (const char* condition, const char* file, unsigned line, const char* function)) {
  write_output();
  __assert_fail(condition, file, line, function);
}
