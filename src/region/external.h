// What regions do outside memory: descriptors, files, processes.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace belay::region {

// Ends the program if the settings refuse output, which all of this counts as. `call` is named.
void allow_external(const char* call);
// The same before a process is begun or replaced: it should find what the region has printed.
void allow_process(const char* call);

// A rollback closes it. Returns it.
int opened(int descriptor);
// A rollback sets its offset as it is now.
void note_offset(int descriptor);
// The same, and `bytes` at `at` (or at its offset, if negative) have the contents that they have
// now, where it is a regular file; the file's size as well.
void note_contents(int descriptor, off_t at, size_t bytes);
// Closes it; a rollback makes it the same file at the same offset again.
int close_undoably(int descriptor);

// What this region has noted already. `key` is a descriptor, or a stream's address.
struct Noted {
  const void* key;
  size_t epoch;      // of the region
  off_t size;        // of a descriptor's regular file; -1 if not noted
  bool created;      // a descriptor of a file that was not there, and that a rollback removes
  bool opened_here;  // a stream that this region has opened
  bool defers;       // a stream whose output waits
};
Noted* find_noted(const void* key);  // null if this region has not
Noted* add_noted(const void* key);
void forget_noted(const void* key);
inline const void* key_of(int descriptor) {
  return reinterpret_cast<const void*>(static_cast<size_t>(descriptor) + 1);
}

// At the end of a thread.
void close_noted();

}  // namespace belay::region
