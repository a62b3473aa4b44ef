// What main.c calls in as many ways as a linker knows: the library, a shared one or not.
#pragma once

int* lib_state(void);

// LTO of clang 19 crashes on functions that take the address of an ifunc, without Belay too.
#ifdef NO_IFUNCS
#define DISPATCHED_BY(function, resolver, implementation) \
  void function(int value) { implementation(value); }
#else
#define DISPATCHED_BY(function, resolver, implementation) \
  void function(int value) __attribute__((ifunc(#resolver)));
#endif

typedef void (*setter)(int);

void lib_direct(int value);   // state[0]
void lib_pointed(int value);  // state[1]
setter lib_own_pointer(void);
setter lib_hidden_pointer(void);  // state[2]
setter lib_static_pointer(void);  // state[3]
void lib_dispatched(int value);   // state[4]; an ifunc
setter lib_dispatched_pointer(void);
void lib_calls_dispatched(int value);
