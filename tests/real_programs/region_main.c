// Linked to a program in front of its main(): the program is a region, committed, or rolled back
// once before it runs for good. memory_check, which traces the process, copies its memory at the
// start and compares after the rollback. The heap is this file's, and never gives anything back, so
// that blocks stay where they are and the allocator's own words are not the program's.
#define _GNU_SOURCE
#include <belay/region.h>
#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int __real_main(int, char**, char**);

// What memory_check reads; its own to ignore, as this file's other variables are.
struct Report {
  uint64_t phase;  // 0 before the region library is set up, 1 at the start, 2 after the rollback
  uint64_t frame;  // the stack above it is the program's
  uint64_t own_begin, own_end;
  uint64_t sites_begin, sites_end;  // the call sites' caches
  uint64_t heap, heap_bytes;        // is reserved in whole: what lies behind the start's top is new
  uint64_t tls_begin, tls_end;      // the region library's variables of this thread
};
static struct {
  struct Report report;
  jmp_buf at_exit;
  int rolls_back;
  char *heap, *top;
} own __attribute__((aligned(4096)));

extern char __start_belay_sites[] __attribute__((weak));
extern char __stop_belay_sites[] __attribute__((weak));

static int find_tls(struct dl_phdr_info* info, size_t bytes, void* out) {
  (void)bytes;
  struct Report* report = out;
  if (strstr(info->dlpi_name, "libbelay_region.so") == NULL) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_TLS) {
      report->tls_begin = (uint64_t)info->dlpi_tls_data;
      report->tls_end = report->tls_begin + info->dlpi_phdr[i].p_memsz;
    }
  return 1;
}

static void stop_here(uint64_t phase, void* frame) {
  own.report = (struct Report){phase,
                               (uint64_t)frame,
                               (uint64_t)&own,
                               (uint64_t)(&own + 1),
                               (uint64_t)__start_belay_sites,
                               (uint64_t)__stop_belay_sites,
                               (uint64_t)own.heap,
                               (uint64_t)(own.top - own.heap),
                               0,
                               0};
  dl_iterate_phdr(find_tls, &own.report);
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

// ---- The heap ----------------------------------------------------------------------------------

// Kept: what libc allocates for itself in a region stays, as the top above it does.
static const size_t kHeapBytes = (size_t)1 << 36, kAlign = 16;

BELAY_KEEP void* aligned_alloc(size_t alignment, size_t bytes) {
  if (own.heap == NULL) {
    own.heap = mmap(NULL, kHeapBytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (own.heap == MAP_FAILED) abort();
    own.top = own.heap;
  }
  if (alignment < kAlign) alignment = kAlign;
  size_t left = kHeapBytes - (size_t)(own.top - own.heap);
  if (bytes > left || bytes + alignment + kAlign > left) {
    errno = ENOMEM;
    return NULL;
  }
  uintptr_t at = ((uintptr_t)own.top + kAlign + alignment - 1) & ~(uintptr_t)(alignment - 1);
  ((size_t*)at)[-1] = bytes;
  own.top = (char*)((at + bytes + kAlign - 1) & ~(uintptr_t)(kAlign - 1));
  return (void*)at;
}
BELAY_KEEP void* malloc(size_t bytes) { return aligned_alloc(kAlign, bytes); }
BELAY_KEEP void* memalign(size_t alignment, size_t bytes) {
  return aligned_alloc(alignment, bytes);
}
BELAY_KEEP void* valloc(size_t bytes) { return aligned_alloc(4096, bytes); }
BELAY_KEEP int posix_memalign(void** out, size_t alignment, size_t bytes) {
  void* block = aligned_alloc(alignment, bytes);
  if (block == NULL) return ENOMEM;
  *out = block;
  return 0;
}
BELAY_KEEP void* calloc(size_t count, size_t bytes) {
  size_t all;
  if (__builtin_mul_overflow(count, bytes, &all)) return NULL;
  return malloc(all);  // fresh pages are zero, and none is used twice
}
BELAY_KEEP void free(void* block) { (void)block; }
BELAY_KEEP size_t malloc_usable_size(void* block) {
  return block == NULL ? 0 : ((size_t*)block)[-1];
}
BELAY_KEEP void* realloc(void* block, size_t bytes) {
  size_t old = malloc_usable_size(block);
  if (block != NULL && bytes <= old) return block;
  void* moved = malloc(bytes);
  if (moved != NULL && old > 0) memcpy(moved, block, old);
  return moved;
}
