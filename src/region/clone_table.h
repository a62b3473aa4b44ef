// From the address of a function to its clone that logs. Every object that the plugin compiled adds
// its functions when it is loaded and drops them when it is unloaded; no code is ever read.
#pragma once

#include <cstddef>

namespace belay::region {

// One function. Never freed: call sites keep pointers to these as their caches, and a dropped one
// matches nothing any more because its function is kDropped.
struct Clone {
  void* function;
  void* clone;     // null: functions of different effects that the linker has folded into one
  size_t objects;  // that have added it and not dropped it
  bool listed;     // by effects.def, which a function of the program by that name overrides
  Clone* next;     // in its bucket
  bool is_known_library;  // of a listed one, once somebody has asked
};

// What an object's table consists of (src/compiler/clone_table.cc).
struct ClonePair {
  void* function;
  void* clone;
};

// Lock-free. Null if nobody has added `function`, or effects.def has and it is not the library's.
Clone* find_clone(void* function);

void add_clones(const ClonePair* pairs, size_t count, bool listed = false);
void drop_clones(const ClonePair* pairs, size_t count);

// Those of effects.def.
void add_library_functions();

}  // namespace belay::region
