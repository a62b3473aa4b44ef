#include "heap/heap_limit.h"

#include <errno.h>
#include <stdlib.h>

#include "heap/arena_layout.h"

namespace belay {

Result<size_t> parse_heap_bytes(const char* text) {
  const char* at = text;
  size_t value = 0;
  bool fits = true;
  for (; *at >= '0' && *at <= '9'; ++at)
    fits = fits && !__builtin_mul_overflow(value, size_t{10}, &value) &&
           !__builtin_add_overflow(value, size_t(*at - '0'), &value);
  unsigned shift = 0;
  bool digits = at != text;
  switch (*at) {
    case 'T':
    case 't':
      shift += 10;
      [[fallthrough]];
    case 'G':
    case 'g':
      shift += 10;
      [[fallthrough]];
    case 'M':
    case 'm':
      shift += 10;
      [[fallthrough]];
    case 'K':
    case 'k':
      shift += 10;
      ++at;
  }
  if (!digits || !fits || *at != '\0' || value > SIZE_MAX >> shift)
    return fail(EINVAL, "\"{}\" is no size; say bytes, or a number with K, M, G or T", text);
  return value << shift;
}

Result<size_t> heap_limit(size_t asked) {
  size_t bytes = asked != 0 ? asked : kHeapBytesDefault;
  const char* source = "heap_bytes_max";
  if (const char* text = getenv("BELAY_HEAP_MAX"); text != nullptr && *text != '\0') {
    source = "BELAY_HEAP_MAX";
    auto parsed = parse_heap_bytes(text);
    if (!parsed) return fail(EINVAL, "{}: {}", source, parsed.error().message);
    bytes = *parsed;
  }
  if (bytes < kHeapBytesLeast || bytes > kHeapBytesMost)
    return fail(EINVAL, "{}: {} bytes; the heap takes {} to {}", source, bytes, kHeapBytesLeast,
                kHeapBytesMost);
  return bytes;
}

}  // namespace belay
