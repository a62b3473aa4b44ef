/* region.h — undo for a stretch of code: what it wrote goes back, or stays.
 *
 *     #include <belay/region.h>
 *
 *     int main(void) {                       // belay-cc -O2 twelve.c && ./a.out
 *         int board[8] = {0};
 *         start_ckpt();
 *         place_queens(board);               // any code, in any file that belay-cc compiled
 *         stop_ckpt(!solved(board));         // not 0: every write since start_ckpt() is undone
 *     }
 *
 * Compile with belay-cc or belay-c++ (clang 19 with Belay's plugin), which log the old value of
 * everything that is written between the markers, callees included. Without the plugin the
 * functions work as well, and backup() is called by hand before each write.
 *
 * Rules. start_ckpt() and its stop_ckpt() are in one function, on every path; the plugin refuses
 * what it can't follow. Regions nest, up to 4096 deep: rolling back an inner one leaves the outer
 * one's writes. A region belongs to its thread, and any number of threads have theirs; there is no
 * isolation: others see the writes at once, so a region is not a transaction. Memory from malloc or
 * new in a region is released by a rollback, free and delete wait for the commit. A call whose
 * effects nobody knows ends the program with a message that says what to do, before it is made.
 *
 * A variable with a destructor that is declared between the markers ends before stop_ckpt(), by a
 * scope of its own: what it owns does not outlive a rollback. An exception that leaves a region,
 * and a longjmp() out of it, signal handlers' included, roll it back; the exception keeps what it
 * was thrown with.
 *
 * All functions are thread-safe; none is async-signal-safe. For signal handlers that leave regions,
 * by rewind_ckpt() or siglongjmp(), compile all files with -mllvm -belay-signal-safe: otherwise the
 * last writes before the signal may be missing from the log. Link with -lbelay_region, which
 * belay-cc does. Exported symbols are belay_*; BELAY_NO_SHORT_NAMES keeps the short names to
 * yourself.
 */
#ifndef BELAY_REGION_H
#define BELAY_REGION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#if __cplusplus >= 201103L
#define BELAY_NOTHROW noexcept
#else
#define BELAY_NOTHROW throw()
#endif
extern "C" {
#else
#define BELAY_NOTHROW
#endif
#define BELAY_NORETURN __attribute__((noreturn))

/* ---- Markers -------------------------------------------------------------------------------- */

/* A region begins. Control comes here again when rewind_ckpt() is called in it. */
void belay_start_ckpt(void) BELAY_NOTHROW;
/* The same without rewind_ckpt(), which is cheaper: no registers are saved. */
void belay_start_ckpt_once(void) BELAY_NOTHROW;
/* The innermost region ends: with 0 its writes stay (and belong to the region around it, if there
   is one), otherwise they are undone. Control goes on after the call in both cases. */
void belay_stop_ckpt(int rollback) BELAY_NOTHROW;
/* Undoes what the innermost region has written and returns to its start_ckpt(), any number of
   times. Frames in between end as by longjmp: no destructors run. The marker's function must not
   have returned. */
BELAY_NORETURN void belay_rewind_ckpt(void) BELAY_NOTHROW;
/* Saves `bytes` at `address`, for code that is not compiled with belay-cc. Outside a region: none.
 */
void belay_backup(const volatile void* address, size_t bytes) BELAY_NOTHROW;

/* For what a region does outside memory, in functions that define their own effects: `run` is
   called when the innermost region is rolled back, after its writes have been undone, the last one
   first; or when the outermost one commits, the first one first. Outside a region on_rollback is
   nothing, and on_commit runs at once. */
void belay_on_rollback(void (*run)(void*), void* argument) BELAY_NOTHROW;
void belay_on_commit(void (*run)(void*), void* argument) BELAY_NOTHROW;

/* Of a function: what it and everything it calls writes outlives a rollback. For counters, caches,
   learnt clauses, traces. A rollback still undoes what the region itself wrote there before. */
#if defined(__clang__)
#define BELAY_KEEP __attribute__((annotate("belay_keep"), noinline))
#else
#define BELAY_KEEP __attribute__((noinline))
#endif

/* ---- Queries -------------------------------------------------------------------------------- */

/* How many regions this thread is in. */
int belay_ckpt_depth(void) BELAY_NOTHROW;
/* Bytes in this thread's log: 16 for each scalar write that was logged. */
size_t belay_ckpt_log_bytes(void) BELAY_NOTHROW;

/* Of this thread, since it began. */
struct ckpt_statistics {
  uint64_t regions;       /* begun */
  uint64_t commits;       /* of them, ended with their writes kept */
  uint64_t rollbacks;     /* of them, undone */
  uint64_t rewinds;       /* returns to start_ckpt() */
  uint64_t log_bytes;     /* written to the log by regions that have ended */
  uint64_t log_bytes_max; /* the longest that the log has been at the end of a region */
  uint64_t allocations;   /* malloc, new and the like in regions */
  uint64_t frees;         /* free, delete and the like in regions */
  uint64_t lookups;       /* indirect calls that missed their call site's cache */
};
void belay_ckpt_statistics(struct ckpt_statistics* out) BELAY_NOTHROW;

/* ---- Settings ------------------------------------------------------------------------------- */

/* What backup() and code compiled with -belay-buffer=hash keep. */
enum ckpt_buffer {
  CKPT_BUFFER_DEFAULT = 0, /* CKPT_ARRAY */
  CKPT_ARRAY = 1,          /* every old value, in order: the fastest append, for most programs */
  CKPT_HASH = 2,           /* the first old value of each address: for few words written often,
                              where the array would grow without end */
};

/* What output of stdio does in a region. */
enum ckpt_output {
  CKPT_OUTPUT_DEFAULT = 0, /* CKPT_OUTPUT_DEFER */
  CKPT_OUTPUT_DEFER = 1,   /* is written when the outermost region commits, never if undone */
  CKPT_OUTPUT_ALLOW = 2,   /* is written at once, and stays: for debugging */
  CKPT_OUTPUT_REFUSE = 3,  /* ends the program, as any unknown effect */
};

/* What a call does whose effects nobody knows. */
enum ckpt_unknown {
  CKPT_UNKNOWN_DEFAULT = 0, /* CKPT_UNKNOWN_REFUSE */
  CKPT_UNKNOWN_REFUSE = 1,  /* ends the program, with the way to the call and the ways out */
  CKPT_UNKNOWN_ALLOW = 2,   /* is made; what it writes is not undone */
};

/* Bytes that regions of two threads write while both are open: for debugging. */
enum ckpt_races {
  CKPT_RACES_DEFAULT = 0, /* CKPT_RACES_IGNORE */
  CKPT_RACES_IGNORE = 1,
  CKPT_RACES_REPORT = 2, /* both places, on standard error */
  CKPT_RACES_REFUSE = 3, /* the same, and ends the program */
};

/* A zero field leaves the setting as it is. The environment wins over what the program passes. */
struct ckpt_attr {
  /* Each thread's log ends here. Address space only, until it is used. Default: half of the
     machine's memory, at most 64 GiB; less where the process may not reserve that much. Takes
     effect for threads that have not begun a region. BELAY_CKPT_LOG_MAX (bytes; K, M, G). */
  size_t log_bytes_max;
  enum ckpt_buffer buffer;   /* BELAY_CKPT_BUFFER=array|hash */
  enum ckpt_output output;   /* BELAY_CKPT_OUTPUT=defer|allow|refuse */
  enum ckpt_unknown unknown; /* BELAY_CKPT_UNKNOWN=refuse|allow */
  enum ckpt_races races;     /* BELAY_CKPT_RACES=ignore|report|refuse. For threads that have not
                                begun a region */
};
/* Returns 0, or EINVAL for a value that does not exist and EBUSY inside a region. */
int belay_ckpt_configure(const struct ckpt_attr* attr) BELAY_NOTHROW;

/* Gives the memory of this thread's log back to the system; outside a region. A commit does not:
   the next region would fault it in again. */
void belay_ckpt_trim(void) BELAY_NOTHROW;

/* ---- Short names ---------------------------------------------------------------------------- */

/* Other C names of the same symbols: an inline function would hide the marker from the plugin. */
#ifndef BELAY_NO_SHORT_NAMES
void start_ckpt(void) BELAY_NOTHROW __asm__("belay_start_ckpt");
void start_ckpt_once(void) BELAY_NOTHROW __asm__("belay_start_ckpt_once");
void stop_ckpt(int rollback) BELAY_NOTHROW __asm__("belay_stop_ckpt");
BELAY_NORETURN void rewind_ckpt(void) BELAY_NOTHROW __asm__("belay_rewind_ckpt");
void backup(const volatile void* address, size_t bytes) BELAY_NOTHROW __asm__("belay_backup");
#endif

#ifdef __cplusplus
}
#endif
#endif
