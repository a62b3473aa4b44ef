// Goal: what the GNU part of the C library writes in a region, and calls in it, is as before after
// a rollback, and what a commit leaves is what the program wrote: object stacks, streams into
// memory, messages, tables searched and extended.
// Build: -D_GNU_SOURCE -w
// Output: committed: object of 100 bytes, 300 characters of text, 4 numbers, 1 message
// Says 1: victim: kept 7: No such file or directory
// Says 1: victim:here:3: counted
// Says 0: never
#include <belay/region.h>
#include <err.h>
#include <errno.h>
#include <error.h>
#include <inttypes.h>
#include <obstack.h>
#include <sched.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

static int chunks;  // written by what libc calls
static void* make_chunk(long bytes) {
  chunks++;
  return malloc(bytes);
}
static void free_chunk(void* chunk) {
  chunks--;
  free(chunk);
}
#define obstack_chunk_alloc make_chunk
#define obstack_chunk_free free_chunk

static struct obstack stack;
static int numbers[8] = {3, 1, 2};
static size_t count = 3;
static int compared;
static char* text;
static size_t text_bytes;
static char* page;
static union {
  char bytes[512];
  wchar_t wide[64];
  cpu_set_t cpus;
} to;

static int compare(const void* one, const void* other) {
  compared++;
  return *(const int*)one - *(const int*)other;
}

static void work(const char* word) {
  for (int i = 0; i < 100; i++) {
    obstack_grow(&stack, "chunk of text", 13);
    if (i % 10 == 9) obstack_finish(&stack);
    obstack_blank(&stack, 100);
  }
  struct obstack inner;
  obstack_init(&inner);
  obstack_free(&inner, obstack_copy0(&inner, "inner", 5));
  obstack_free(&inner, NULL);
  int sought = 7;
  lsearch(&sought, numbers, &count, sizeof sought, compare);
  FILE* stream = open_memstream(&text, &text_bytes);
  for (int i = 0; i < 100; i++) fprintf(stream, "%03d", i);
  fflush(stream);
  fclose(stream);
  FILE* open = open_memstream((char**)&to.bytes[256], (size_t*)&to.bytes[264]);
  fputs("is closed by the rollback", open);
  fflush(open);
  if (word[0] == 'k') fclose(open);
  errno = ENOENT;
  warn("%s %d", word, 7);
  error_at_line(0, 0, "here", 3, word[0] == 'k' ? "counted" : "never");
  sched_getaffinity(0, sizeof to.cpus, &to.cpus);
  wcpncpy(to.wide + 40, L"wide", 8);
  to.wide[50] = wcstoimax(L"12", NULL, 10);
  memset(page, 1, 4096);
  madvise(page, 4096, MADV_DONTNEED);
}

int main(void) {
  program_invocation_name = program_invocation_short_name = "victim";
  obstack_init(&stack);
  obstack_grow(&stack, "before", 6);
  page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(page, 0x5a, 4096);
  memset(&to, 0x5a, sizeof to);
  const struct obstack stack_before = stack;
  char bytes_before[sizeof to];
  memcpy(bytes_before, &to, sizeof to);
  const int chunks_before = chunks;

  start_ckpt();
  work("never");
  stop_ckpt(1);
  if (memcmp(&stack, &stack_before, sizeof stack) != 0) return 1;
  if (obstack_object_size(&stack) != 6 || memcmp(obstack_base(&stack), "before", 6) != 0) return 2;
  if (chunks != chunks_before || compared != 0) return 3;
  if (count != 3 || numbers[3] != 0) return 4;
  if (text != NULL || text_bytes != 0 || memcmp(&to, bytes_before, sizeof to) != 0) return 5;
  if (error_message_count != 0) return 6;
  for (int i = 0; i < 4096; i++)
    if (page[i] != 0x5a) return 7;

  start_ckpt();
  work("kept");
  stop_ckpt(0);
  if (page[0] != 0 || compared == 0 || chunks <= chunks_before) return 8;
  printf("committed: object of %d bytes, %zu characters of text, %zu numbers, %u message\n",
         obstack_object_size(&stack), strlen(text), count, error_message_count);
  free(text);
  obstack_free(&stack, NULL);
  return chunks != 0 ? 9 : 0;
}
