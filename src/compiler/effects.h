// What the compiler needs to know of the libraries' functions (region/effects.def).
#pragma once

#include <llvm/ADT/StringRef.h>

namespace belay {

enum class Effects {
  Unknown,  // its clone is looked for when the program runs
  Pure,     // writes nothing that a rollback would have to put back
  Kept,     // writes what stays: caches
  Wrapped,  // the runtime has a clone of it
};

Effects effectsOf(llvm::StringRef Symbol);

// Whether it returns memory that nobody has written yet, or a copy.
bool isAllocator(llvm::StringRef Symbol);

// setjmp and its relatives, which write their argument and may return twice.
bool isSetJmp(llvm::StringRef Symbol);

}  // namespace belay
