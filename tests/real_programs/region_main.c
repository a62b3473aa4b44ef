// Linked to a program in front of its main(): the program is a region, committed, or rolled back
// once before it runs for good. memory_check, which traces the process, copies its memory at the
// start and compares after the rollback.
#define _GNU_SOURCE
#include <belay/region.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/rseq.h>
#include <unistd.h>

#include "region_heap.h"

int __real_main(int, char**, char**);

// What memory_check reads.
struct Span {
  uint64_t begin, end;
};
struct Report {
  uint64_t phase;    // 0 before the region library is set up, 1 at the start, 2 after the rollback
  uint64_t frame;    // the stack above it is the program's
  struct Span heap;  // is reserved in whole: what lies behind the start's top is new
  // Nobody's but the tests' and the region library's: this file's variables and the heap's, the
  // call sites' caches, the library's variables of this thread, the kernel's word for its CPU.
  struct Span ignored[5];
};
static struct {
  struct Report report;
  jmp_buf at_exit;
  int rolls_back;
} own __attribute__((aligned(64)));

extern char __start_belay_sites[] __attribute__((weak));
extern char __stop_belay_sites[] __attribute__((weak));

static struct Span span_of(const void* begin, const void* end) {
  return (struct Span){(uint64_t)begin, (uint64_t)end};
}

static int find_tls(struct dl_phdr_info* info, size_t bytes, void* out) {
  (void)bytes;
  if (strstr(info->dlpi_name, "libbelay_region.so") == NULL) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const char* begin = info->dlpi_tls_data;
    if (info->dlpi_phdr[i].p_type == PT_TLS)
      *(struct Span*)out = span_of(begin, begin + info->dlpi_phdr[i].p_memsz);
  }
  return 1;
}

static void stop_here(uint64_t phase, void* frame) {
  own.report = (struct Report){phase,
                               (uint64_t)frame,
                               span_of(region_heap.begin, region_heap.top),
                               {span_of(&own, &own + 1), span_of(&region_heap, &region_heap + 1),
                                span_of(__start_belay_sites, __stop_belay_sites)}};
  const char* rseq = (char*)__builtin_thread_pointer() + __rseq_offset;
  own.report.ignored[4] = span_of(rseq, rseq + sizeof(struct rseq));
  dl_iterate_phdr(find_tls, &own.report.ignored[3]);
  sigqueue(getpid(), SIGURG, (union sigval){.sival_ptr = &own.report});
}

// exit() in the region that is to be rolled back ends the region instead.
void exit_in_region(int status) __asm__("__wrap_exit.ckpt");
void exit_of_runtime(int status) __asm__("__real_exit.ckpt");
BELAY_KEEP void exit_in_region(int status) {
  if (own.rolls_back) longjmp(own.at_exit, 1);
  exit_of_runtime(status);
}

static int run_undone(int argc, char** argv, char** envp) {
  if (setjmp(own.at_exit) != 0) return 1;
  start_ckpt();
  int status = __real_main(argc, argv, envp);
  stop_ckpt(1);
  return status;
}

int __wrap_main(int argc, char** argv, char** envp) {
  if (getenv("BELAY_TEST_ROLLBACK") != NULL) {
    free(malloc(1));  // there is a heap
    stop_here(0, __builtin_frame_address(0));
    start_ckpt();
    stop_ckpt(0);
    own.rolls_back = 1;
    stop_here(1, __builtin_frame_address(0));
    run_undone(argc, argv, envp);
    stop_here(2, __builtin_frame_address(0));
    own.rolls_back = 0;
  }
  start_ckpt();
  int status = __real_main(argc, argv, envp);
  stop_ckpt(0);
  return status;
}
