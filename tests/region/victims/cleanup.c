// Goal: pthread_cleanup_push() in regions: what a rollback or a rewind leaves is not run when the
// thread ends, and what was there before is.
#include <belay/region.h>
#include <pthread.h>

#include "check.h"

static int outer_runs, inner_runs, tries;
BELAY_KEEP static int count_try(void) { return ++tries; }
static void run_outer(void* argument) { outer_runs += *(int*)argument; }
static void run_inner(void* argument) { inner_runs += *(int*)argument; }

__attribute__((noinline)) static void leave_or_end(int leaves) {
  int mine = 10;
  pthread_cleanup_push(run_inner, &mine);
  if (leaves) rewind_ckpt();
  pthread_cleanup_pop(1);
}

static void* run(void* argument) {
  int mine = 1;
  pthread_cleanup_push(run_outer, &mine);
  for (int rollback = 1; rollback >= 0; rollback--) {
    tries = 0;
    start_ckpt();
    leave_or_end(count_try() < 3);
    CHECK(inner_runs == 10);
    stop_ckpt(rollback);
    CHECK(inner_runs == (rollback ? 0 : 10));
  }
  pthread_exit(NULL);
  pthread_cleanup_pop(0);
  return argument;
}

int main(void) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(outer_runs == 1 && inner_runs == 10);
  return 0;
}
