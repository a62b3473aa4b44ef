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

// printf's %n writes through an argument that nothing else here looks at: ends the program.
void refuse_counts(const char* format);

// Whether output waits now; ends the program if it is refused.
bool is_deferred(const char* call);

// fflush(), at the commit: the order in which two streams of one file get their output stays.
void put_flush(FILE* stream);

// Of a descriptor, at the commit.
void put_raw_output(int descriptor, const char* data, size_t bytes);

// What waits is written before the commit, and stays.
void write_output_early();

// In a process that fork() has made in a region: its commit may never come, for such a process
// mostly ends by _exit() or exec(). What it puts out in that region waits no more.
void note_fork();

// What was said to be written could not be, at the commit: reported on standard error, once.
void output_failed();
// Whether that has happened on this thread.
bool has_output_failed();

// What waits, to its streams: the outermost region has committed, or the program ends in it.
void write_output();

}  // namespace belay::region
