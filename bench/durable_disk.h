// What the disk does by itself: the measure of what is written to it.
#pragma once

#include <stddef.h>

#include <string>

#include "durable_crew.h"

namespace belay::bench {

// Seconds to create a file in `directory`, write `bytes` in sequence and make them durable:
// O_DIRECT in pieces of 8 MiB, allocated ahead in steps of 128 MiB, fdatasync. Negative on error.
double write_sequentially(const std::string& directory, size_t bytes);

// Seconds to write the heap block by block through the page cache, and fdatasync.
double write_heap(const std::string& directory, const BenchHeap& heap);

// Seconds to read all files of the directory, as they lie in the page cache or not.
double read_files(const std::string& directory);

// Drops them from the page cache.
void forget_files(const std::string& directory);

}  // namespace belay::bench
