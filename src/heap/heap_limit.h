// The limit in words: "512M".
#pragma once

#include <cstddef>

#include "base/error.h"

namespace belay {

// Bytes with an optional suffix K, M, G or T (powers of 1024). EINVAL, with a sentence, for others.
Result<size_t> parse_heap_bytes(const char* text);

// BELAY_HEAP_MAX if it is set, else `asked`, else the default; in range, or EINVAL.
Result<size_t> heap_limit(size_t asked);

}  // namespace belay
