/* harness.h — regions in generated programs, and the same programs without any.
 *
 *     RG_BEGIN(7)                 a region begins at site 7,
 *       statements;               is committed, or undone, or undone and tried again,
 *     RG_END                      as the process's policy and seed say (RG_POLICY, RG_SEED):
 *
 *     commit   every region stays. Expected: what the program does without regions.
 *     retry    some are undone, once or twice, before they stay. Expected: the same; and right
 *              after each rollback all memory is what it was, word by word (harness.c).
 *     skip     some are undone, and the program goes on. Expected: what the reference does.
 *
 * RG_REFERENCE is the reference: no region and no plugin; what is undone runs in a child process,
 * whose effects vanish with it.
 */
#ifndef RG_HARNESS_H
#define RG_HARNESS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Whether, and how often, the region that begins now is undone. `count` is how many began before,
   as far as the program remembers. */
int rg_decide(int site, unsigned count);
/* After a rollback: whether to try again. */
int rg_again(int undo);
/* The shadow of a region that will be undone, and the comparison after that. */
void rg_remember(int undo, int site, void* frame);
void rg_compare(int undo);
/* Runs what follows in a child (1), and waits for its end (0). */
int rg_fork(void);
void rg_vanish(void);
/* Looks for the program's memory once more, behind dlopen() of a library with these call sites. */
void rg_find_memory(char* sites_begin, char* sites_end);
/* Whether the innermost region is tried again now, by rewind_ckpt(). */
int rg_rewind(int site, unsigned count);

#ifdef __cplusplus
}
#endif

/* State of the program: a rollback takes it back. */
#ifdef RG_THREADS
static _Thread_local unsigned rg_count;
#else
static unsigned rg_count;
#endif

#ifdef RG_REFERENCE
#define RG_BEGIN(site)                               \
  {                                                  \
    const int rg_undo = rg_decide(site, rg_count++); \
    if (!rg_undo || rg_fork()) {
#define RG_END              \
  if (rg_undo) rg_vanish(); \
  }                         \
  }
#define RG_REWIND(site)
#else
#include <belay/region.h>
#ifdef RG_NO_COMPARE /* -belay-shadow is all there is */
#define rg_remember(undo, site, frame) (void)0
#define rg_compare(undo) (void)0
#endif
#define RG_BEGIN(site)                                        \
  {                                                           \
    int rg_undo = rg_decide(site, rg_count++);                \
    do {                                                      \
      rg_remember(rg_undo, site, __builtin_frame_address(0)); \
      RG_START();
#define RG_END                \
  stop_ckpt(rg_undo > 0);     \
  rg_compare(rg_undo);        \
  }                           \
  while (rg_again(rg_undo--)) \
    ;                         \
  }
#ifdef RG_ONCE
#define RG_START start_ckpt_once
#define RG_REWIND(site)
#else
#define RG_REWIND(site) \
  if (rg_rewind(site, rg_count)) rewind_ckpt();
#define RG_START start_ckpt
#endif
#endif

#endif
