// Files as they were, for rollbacks.
#pragma once

#include <cstddef>

namespace belay::region {

// Before `name` is opened for writing: a rollback removes it if it is not there, and writes its
// contents again if opening takes them away.
void save_file(const char* name, bool truncates);

// A rollback sets the descriptor's offset to what it is now.
void keep_offset(int descriptor);

// Regular files: at once, after noting what they hold there. Others: when the region commits.
bool write_undoably(int descriptor, const char* data, size_t bytes);

}  // namespace belay::region
