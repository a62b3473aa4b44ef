#include "library.h"

static int state[8];
int* lib_state(void) { return state; }

void lib_direct(int value) { state[0] = value; }
void lib_pointed(int value) { state[1] = value; }
setter lib_own_pointer(void) { return lib_pointed; }

__attribute__((visibility("hidden"), noinline)) void hidden(int value) { state[2] = value; }
setter lib_hidden_pointer(void) { return hidden; }
__attribute__((noinline)) static void of_file(int value) { state[3] = value; }
setter lib_static_pointer(void) { return of_file; }

static void implementation(int value) { state[4] = value; }
static void unused(int value) { state[6] = value; }
static volatile int which;  // else the compiler would call the one without asking
static setter resolve_dispatched(void) { return which ? unused : implementation; }
static setter (*volatile used)(void) __attribute__((used)) = resolve_dispatched;
DISPATCHED_BY(lib_dispatched, resolve_dispatched, implementation)
setter lib_dispatched_pointer(void) { return lib_dispatched; }
void lib_calls_dispatched(int value) { lib_dispatched(value + 1); }
