// What generated programs link: decisions, the reference's children, and the shadow. The shadow is
// independent of Belay: it copies the program's memory when a region begins and compares it word by
// word after the rollback. It sees the writable segments and thread-local variables of the
// executable, the heap (which is this file's, so that blocks stay where they are) and the stack of
// the region's callers. Allowed to differ: the call sites' caches (section belay_sites).
#define _GNU_SOURCE
#include "harness.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kRangesMax = 16, kDepthMax = 256, kRetriesMax = 150, kSkipsMax = 40, kCountMax = 4000 };
enum { kExitShadow = 97, kExitReference = 98 };
static const size_t kHeapBytes = (size_t)1 << 30, kShadowBytes = (size_t)1 << 32;
static const size_t kBlockAlign = 16;

enum Policy { kCommit, kRetry, kSkip };

struct Range {
  const char* what;
  char *begin, *end;
};
struct Shadow {
  int site;
  size_t copy;  // where in the copies its own begins
  char *stack, *heap_end;
};

// In memory of its own, so that the shadow does not see it.
struct State {
  enum Policy policy;
  uint64_t seed;
  _Atomic int retries;
  int range_count;
  struct Range ranges[kRangesMax];
  struct Range sites;  // of a library
  char* stack_end;
  char *heap, *heap_top;
  char* copies;
  size_t copy_top;
  int depth;
  struct Shadow shadows[kDepthMax];
};
static struct State* rg;

extern char __start_belay_sites[] __attribute__((weak));
extern char __stop_belay_sites[] __attribute__((weak));
extern char** environ;

static void* reserve(size_t bytes) {
  void* base =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) abort();
  return base;
}

static struct State* state(void) {
  if (rg == NULL) {
    struct State* made = reserve(sizeof *made);
    made->heap = made->heap_top = reserve(kHeapBytes);
    rg = made;
  }
  return rg;
}

static void add_range(const char* what, char* begin, char* end) {
  if (begin < end) state()->ranges[state()->range_count++] = (struct Range){what, begin, end};
}

// Of the executable, and of libraries of the campaign's: their writable segments, and this thread's
// copy of their thread-local variables.
static int find_ranges(struct dl_phdr_info* info, size_t bytes, void* out) {
  (void)bytes, (void)out;
  if (info->dlpi_name[0] != '\0' && strstr(info->dlpi_name, "rg_part") == NULL) return 0;
  char* relro_begin = NULL;
  char* relro_end = NULL;
  for (int i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO) {
      relro_begin = (char*)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
      relro_end = relro_begin + info->dlpi_phdr[i].p_memsz;
    }
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr)* segment = &info->dlpi_phdr[i];
    char* begin = (char*)info->dlpi_addr + segment->p_vaddr;
    char* end = begin + segment->p_memsz;
    if (segment->p_type == PT_LOAD && segment->p_flags & PF_W) {
      if (relro_begin <= begin && begin < relro_end) begin = relro_end < end ? relro_end : end;
      add_range("data", begin, end);
    }
    if (segment->p_type == PT_TLS && info->dlpi_tls_data != NULL)
      add_range("tls", info->dlpi_tls_data, (char*)info->dlpi_tls_data + segment->p_memsz);
  }
  return 0;
}

void rg_find_memory(char* sites_begin, char* sites_end) {
  rg->sites = (struct Range){"sites", sites_begin, sites_end};
  rg->range_count = 0;
  dl_iterate_phdr(find_ranges, NULL);
}

__attribute__((constructor(101))) static void begin(void) {
  struct State* s = state();
  const char* policy = getenv("RG_POLICY");
  const char* seed = getenv("RG_SEED");
  s->policy = policy == NULL ? kCommit : policy[0] == 'r' ? kRetry : policy[0] == 's' ? kSkip : 0;
  s->seed = seed == NULL ? 0 : strtoull(seed, NULL, 10);
  s->stack_end = (char*)environ;
  s->copies = reserve(kShadowBytes);
  rg_find_memory(NULL, NULL);
}

// ---- Decisions ---------------------------------------------------------------------------------

// SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014).
static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

// One of the retries that the process has; false when they are used up. Any thread: a rewind finds
// the decision that it made before, so one retry beyond the last means retries for ever.
static int take_retry(void) {
  int taken = rg->retries;
  while (taken < kRetriesMax)
    if (atomic_compare_exchange_weak(&rg->retries, &taken, taken + 1)) return 1;
  return 0;
}

int rg_decide(int site, unsigned count) {
  uint64_t random = mix(rg->seed + mix((uint64_t)site << 32 | count));
  switch (rg->policy) {
    case kRetry:
      if (random % 3 != 0 || !take_retry()) return 0;
      return 1 + (int)(random >> 32) % 2;
    case kSkip:
      return count < kSkipsMax && random % 4 == 0;
    default:
      return 0;
  }
}

int rg_rewind(int site, unsigned count) {
  uint64_t random = mix(rg->seed + mix(~(uint64_t)site << 32 | count));
  return rg->policy == kRetry && random % 2 == 0 && take_retry();
}

int rg_again(int undo) { return rg->policy == kRetry && undo > 0; }

// ---- The reference -----------------------------------------------------------------------------

// What a child may not do undone (crash, run for ever) makes the whole program void.
int rg_fork(void) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) return 1;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (child < 0 || status != 0) _exit(kExitReference);
  return 0;
}

void rg_vanish(void) { _exit(0); }

// ---- The shadow --------------------------------------------------------------------------------

static void copy(const char* begin, const char* end) {
  size_t bytes = (size_t)(end - begin);
  if (rg->copy_top + bytes > kShadowBytes) abort();
  memcpy(rg->copies + rg->copy_top, begin, bytes);
  rg->copy_top += bytes;
}

void rg_remember(int undo, int site, void* frame) {
  if (!undo) return;
  if (rg->depth == kDepthMax) abort();
  // Above the frame pointer lie the caller's, and the return address.
  char* stack = (char*)frame + 2 * sizeof(void*);
  rg->shadows[rg->depth++] = (struct Shadow){site, rg->copy_top, stack, rg->heap_top};
  for (int i = 0; i < rg->range_count; i++) copy(rg->ranges[i].begin, rg->ranges[i].end);
  copy(stack, rg->stack_end);
  copy(rg->heap, rg->heap_top);
}

static int differences(const struct Range* range, const char* was, int site, int printed) {
  size_t bytes = (size_t)(range->end - range->begin);
  if (memcmp(range->begin, was, bytes) == 0) return printed;
  for (size_t at = 0; at < bytes; at += sizeof(uint64_t)) {
    size_t width = bytes - at < sizeof(uint64_t) ? bytes - at : sizeof(uint64_t);
    char* address = range->begin + at;
    if (memcmp(address, was + at, width) == 0) continue;
    if (address >= __start_belay_sites && address < __stop_belay_sites) continue;
    if (address >= rg->sites.begin && address < rg->sites.end) continue;
    uint64_t now_word = 0, was_word = 0;
    memcpy(&now_word, address, width);
    memcpy(&was_word, was + at, width);
    if (printed++ < 8)
      fprintf(stderr, "shadow: region %d, rolled back: %s + %#zx (%p) is %#llx, was %#llx\n", site,
              range->what, at, (void*)address, (unsigned long long)now_word,
              (unsigned long long)was_word);
  }
  return printed;
}

void rg_compare(int undo) {
  if (!undo) return;
  struct Shadow shadow = rg->shadows[--rg->depth];
  const char* was = rg->copies + shadow.copy;
  int count = 0;
  for (int i = 0; i < rg->range_count; i++) {
    count = differences(&rg->ranges[i], was, shadow.site, count);
    was += rg->ranges[i].end - rg->ranges[i].begin;
  }
  struct Range stack = {"stack", shadow.stack, rg->stack_end};
  count = differences(&stack, was, shadow.site, count);
  struct Range heap = {"heap", rg->heap, shadow.heap_end};
  count = differences(&heap, was + (stack.end - stack.begin), shadow.site, count);
  rg->copy_top = shadow.copy;
  if (count != 0) _exit(kExitShadow);
}

// ---- The heap ----------------------------------------------------------------------------------

// Never used twice, and overwritten when freed: a block that a rollback needs and does not find
// shows as a difference, and so does a write behind the end.
#ifndef RG_NO_HEAP
void* malloc(size_t bytes) {
  struct State* s = state();
  char* block = s->heap_top + kBlockAlign;
  size_t rounded = (bytes + kBlockAlign - 1) & ~(kBlockAlign - 1);
  if (rounded < bytes || block + rounded > s->heap + kHeapBytes) return NULL;
  memcpy(s->heap_top, &bytes, sizeof bytes);
  s->heap_top = block + rounded;
  return block;
}

size_t malloc_usable_size(void* block) {
  size_t bytes = 0;
  if (block != NULL) memcpy(&bytes, (char*)block - kBlockAlign, sizeof bytes);
  return bytes;
}

void free(void* block) {
  if (block != NULL) memset(block, 0xdd, malloc_usable_size(block));
}

void* calloc(size_t count, size_t bytes) {
  size_t all;
  return __builtin_mul_overflow(count, bytes, &all) ? NULL : malloc(all);
}

void* realloc(void* block, size_t bytes) {
  void* moved = malloc(bytes);
  size_t old_bytes = malloc_usable_size(block);
  if (moved != NULL && block != NULL) {
    memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
    free(block);
  }
  return moved;
}

void* aligned_alloc(size_t alignment, size_t bytes) {
  struct State* s = state();
  uintptr_t at = (uintptr_t)s->heap_top + kBlockAlign;
  s->heap_top += -at & (alignment - 1);
  return malloc(bytes);
}
#endif

// ---- Known effects: none that a rollback would have to undo ------------------------------------

#define RG_EFFECT(result, name, parameters) \
  extern result name##_in_region parameters __asm__(#name ".ckpt") __attribute__((alias(#name)))
RG_EFFECT(int, rg_decide, (int, unsigned));
RG_EFFECT(int, rg_again, (int));
RG_EFFECT(int, rg_rewind, (int, unsigned));
RG_EFFECT(void, rg_remember, (int, int, void*));
RG_EFFECT(void, rg_compare, (int));
