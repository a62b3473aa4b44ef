// C++ exceptions of a region: one that leaves it by a rollback keeps what it was thrown with; one
// that ends in it keeps its memory until the log no longer points there.
#pragma once

#include "region/thread_state.h"

namespace belay::region {

// std::exception_ptr: a class with a destructor, so that it is returned in memory.
struct ExceptionPtr {
  void* object;
  ~ExceptionPtr() {}  // NOLINT(modernize-use-equals-default): must not be trivial
};
__attribute__((weak)) ExceptionPtr current_exception() __asm__("_ZSt17current_exceptionv");

// An exception object comes to be, is thrown, or ends without having been thrown.
void note_exception(void* object, size_t bytes);
void note_throw(void* object);
void note_unthrown(void* object);
void note_rethrow(void* object);

// References that handlers and std::exception_ptr hold: one more; one less. The last one that a
// region gives up runs the destructor's clone at once; the count itself follows at the commit.
void add_exception_ref(void* object);
void drop_exception_ref(void* object, ExceptionRef::Kind kind);

// The exception that the innermost handler has, and ends.
void end_handler();
// Of this thread; the C++ runtime's own list. Null without a C++ library.
void* innermost_handler();

// Around undo(): before it, what survives is taken out of the log; after it, with the depth that
// the thread then has, blocks are released and references settled.
void spare_exceptions(const Region& region);
void settle_exceptions(const Region& region);
// The outermost region has committed.
void commit_exceptions();

}  // namespace belay::region
