/* savepoint.h — the whole program goes back to where it was, in memory, in microseconds.
 *
 *     #include <belay/savepoint.h>
 *
 *     belay_savepoint_t here;
 *     int tries = savepoint(&here);           // 0 now; then, whatever rollback_to() was given
 *     if (tries < 0) return puts(belay_crerror()), 1;
 *     play_without_a_plan(tries);             // any code, any library, any allocator
 *     if (!won() && tries < 1000) rollback_to(here, tries + 1);
 *
 * savepoint() returns again each time somebody rolls back to it, as setjmp() does, but with memory
 * as it was: globals of the program and of libraries, heap, stacks, registers, thread_local data,
 * of all threads, every writable private mapping, and what is mapped where. Offsets of open files
 * go back too (enum belay_files). Only pages that changed are copied: 30 µs for 50 of them in a
 * program of any size. The function that called savepoint() may have returned by then. Local
 * variables need no `volatile`.
 *
 * Savepoints form a tree, and cost the pages in which they differ. What is learnt on the way stays
 * if it is in exempt memory. A rollback that can't be complete is refused, with a sentence, and
 * nothing has happened: after dlopen() or dlclose(), to a released savepoint, in a signal handler,
 * when a thread has ended since, from a thread that did not exist then. Threads that were born
 * since end, wherever they are, without a word to them.
 *
 * What does not go back: shared memory, contents of files, pipes and sockets, other processes,
 * clocks, signal dispositions, the owner of a lock that lies in any of those. Savepoints belong to
 * the process that took them: not to its forks, and not together with crinit(). Time stamps of
 * deadlines pass. Linux x86-64; fast since Linux 6.7, right on any (BELAY_TRACKER=compare).
 *
 * All functions are thread-safe, and none is async-signal-safe. They return -1, set errno and leave
 * a sentence for belay_crerror(). Link with -lbelay. C11 and C++; belay.hpp is the C++ face.
 */
#ifndef BELAY_SAVEPOINT_H
#define BELAY_SAVEPOINT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Going back ----------------------------------------------------------------------------- */

/* Names a savepoint; 0 is none. Plain data: copy it, keep it in exempt memory. */
typedef uint64_t belay_savepoint_t;

/* Remembers the program as it is. Returns 0, and later the value of each rollback_to() that comes
   back here; -1: nothing is remembered, *savepoint is 0. Its parent is the savepoint that the
   program was taken at or went back to last. */
int belay_savepoint(belay_savepoint_t* savepoint);

/* Goes back, in all threads. Does not return, unless it is refused: -1. `value`: what savepoint()
   returns there; 0 counts as 1, as in longjmp(). Any savepoint that is not released may be the
   goal, descendants and cousins of the present one as well. */
int belay_rollback_to(belay_savepoint_t savepoint, int value);

/* Frees what nobody else shares. Its children stay, as its parent's. */
int belay_release_savepoint(belay_savepoint_t savepoint);
/* Releases its children, and theirs. A rollback forgets variables that held younger savepoints:
   this is how to let go of them. */
int belay_release_descendants(belay_savepoint_t savepoint);

/* The parent, 0 for a root; also 0, with errno EINVAL, for what is no savepoint. */
belay_savepoint_t belay_savepoint_parent(belay_savepoint_t savepoint);

/* Why the last call of this thread failed: a sentence. */
const char* belay_crerror(void);

/* ---- Memory that does not go back ----------------------------------------------------------- */

/* As malloc() and free(). Pointers in it to ordinary memory are the caller's responsibility. */
void* belay_exempt_malloc(size_t bytes);
void belay_exempt_free(void* block);
/* Bytes that stay as they are from now on: any range of the program's, static data for instance.
   Whole pages cost nothing; parts of pages a little at each rollback. */
int belay_exempt(void* start, size_t bytes);
/* The range that was registered with this start goes back again. */
int belay_unexempt(void* start);
/* A descriptor that stays as it is from now on: no rollback looks at it. It is to be open already,
   and to stay open; dup2() may put another file in its place. Up to eight. */
int belay_exempt_file(int fd);

/* ---- Settings and figures ------------------------------------------------------------------- */

/* What a rollback does to open files. */
enum belay_files {
  BELAY_FILES_DEFAULT = 0, /* BELAY_FILES_BACK */
  BELAY_FILES_BACK = 1,    /* offsets in regular files go back, but for standard output and error;
                              descriptors opened since are closed, files closed since reopened */
  BELAY_FILES_KEEP = 2,    /* descriptors and offsets stay as they are */
};

/* A zero field leaves the setting as it is. The environment wins over what the program passes. */
struct belay_savepoint_attr {
  /* What all savepoints together may take; savepoint() fails with ENOMEM above it. Default: all
     memory. BELAY_SAVEPOINT_MAX (bytes; K, M, G). */
  size_t bytes_max;
  enum belay_files files; /* BELAY_SAVEPOINT_FILES=back|keep */
};
int belay_savepoint_configure(const struct belay_savepoint_attr* attr);

struct belay_savepoint_statistics {
  uint64_t live;              /* savepoints that are not released */
  uint64_t bytes;             /* that they take, tables included */
  uint64_t taken;             /* since the start */
  uint64_t rollbacks;         /* since the start */
  uint64_t scans;             /* walks through page tables; a steady loop needs none */
  uint64_t pages_saved;       /* by the last savepoint() */
  uint64_t pages_copied_back; /* by the last rollback */
  uint64_t hot_pages;         /* not watched, but compared each time */
};
int belay_savepoint_statistics(struct belay_savepoint_statistics* out);

/* ---- Short names ---------------------------------------------------------------------------- */

#ifndef BELAY_NO_SHORT_NAMES
static inline int savepoint(belay_savepoint_t* out) { return belay_savepoint(out); }
static inline int rollback_to(belay_savepoint_t goal, int value) {
  return belay_rollback_to(goal, value);
}
static inline int release_savepoint(belay_savepoint_t released) {
  return belay_release_savepoint(released);
}
#endif

#ifdef __cplusplus
}
#endif
#endif
