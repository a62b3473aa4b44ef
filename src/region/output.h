// Output of stdio in a region, by policy (ckpt_output).
#pragma once

#include <cstdarg>
#include <cstddef>
#include <cstdio>

namespace belay::region {

// `bytes` for `stream`: now, at the commit, or never. `call` is named if the policy refuses.
void put_output(FILE* stream, const char* data, size_t bytes, const char* call);

// printf's part: returns what printf would.
int put_formatted(FILE* stream, const char* format, va_list arguments, const char* call);

// What waits, to its streams: the outermost region has committed, or the program ends in it.
void write_output();

}  // namespace belay::region
