// Streams of stdio in a region: their state, their buffers, their descriptors' offsets.
#pragma once

#include <cstdio>

namespace belay::region {

// Before the first operation of a region on a stream: a rollback puts back the stream, its buffer
// and its descriptor.
void note_stream(FILE* stream);

// Whether output waits for the commit: on stdout, stderr and what is no file (pipes, terminals),
// but for streams that the region itself has opened. Notes the stream if it does not.
bool defers(FILE* stream);

}  // namespace belay::region
