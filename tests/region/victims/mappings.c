// Goal: what a region maps, maps anew, moves, empties and protects is writable for the rollback,
// and is then mapped, protected and filled as at the start; a commit leaves what the region made.
// Build: -D_GNU_SOURCE
#include <belay/region.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"

enum { PAGE = 4096, PAGES = 8 };

static char* area;   // older than the region
static char* moved;  // the region's own
static char* own;

static int is_filled(const char* at, char with, size_t bytes) {
  for (size_t i = 0; i < bytes; i++)
    if (at[i] != with) return 0;
  return 1;
}

static char* map(size_t bytes, int protection) {
  char* at = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED);
  return at;
}

static char* map_at(char* at, size_t bytes, int protection) {
  return mmap(at, bytes, protection, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
              0);
}

// 'r', 'w', both or neither, as the kernel says.
static void rights_of(const char* at, char rights[3]) {
  char line[512];
  FILE* maps = fopen("/proc/self/maps", "r");
  void *begin, *end;
  while (fgets(line, sizeof line, maps) != NULL) {
    char access[5];
    if (sscanf(line, "%p-%p %4s", &begin, &end, access) != 3) continue;
    if ((char*)begin <= at && at < (char*)end) memcpy(rights, access, 2);
  }
  fclose(maps);
}

static void work(void) {
  memset(area, 1, PAGES * PAGE);
  CHECK(mprotect(area, PAGE, PROT_NONE) == 0);
  CHECK(mprotect(area + PAGE, PAGE, PROT_READ) == 0);
  // Fresh memory over older, and over some that is not to be read.
  CHECK(map_at(area + 2 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE) == area + 2 * PAGE);
  CHECK(is_filled(area + 2 * PAGE, 0, 2 * PAGE));
  area[2 * PAGE] = 2;
  CHECK(map_at(area + 4 * PAGE, PAGE, PROT_NONE) == area + 4 * PAGE);
  CHECK(mprotect(area + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
  CHECK(is_filled(area + 4 * PAGE, 0, PAGE));
  // A stack of the region's own that grows down and is cut off, as PARI's.
  own = map(PAGES * PAGE, PROT_READ | PROT_WRITE);
  memset(own, 3, PAGES * PAGE);
  CHECK(map_at(own, 4 * PAGE, PROT_NONE) == own);
  CHECK(mprotect(own, 4 * PAGE, PROT_READ | PROT_WRITE) == 0 && is_filled(own, 0, 4 * PAGE));
  own[0] = 4;
  // Unmapped, and mapped again before the commit.
  CHECK(munmap(area + 5 * PAGE, PAGE) == 0);
  CHECK(map_at(area + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE) == area + 5 * PAGE);
  area[5 * PAGE] = 5;
  moved = map(2 * PAGE, PROT_READ | PROT_WRITE);
  moved[0] = 6;
  moved = mremap(moved, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
  CHECK(moved != MAP_FAILED && moved[0] == 6);
  moved[63 * PAGE] = 7;
  CHECK(mremap(area + 6 * PAGE, 2 * PAGE, PAGE, 0) == area + 6 * PAGE);
}

static sigjmp_buf out;
static void leave(int signal) { siglongjmp(out, signal); }

static int can_write(char* at) {
  signal(SIGSEGV, leave);
  if (sigsetjmp(out, 1) != 0) return 0;
  *(volatile char*)at = 9;
  return 1;
}

int main(void) {
  area = map(PAGES * PAGE, PROT_READ | PROT_WRITE);
  memset(area, 'x', PAGES * PAGE);
  CHECK(mprotect(area + 7 * PAGE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
  char* const before = area;

  start_ckpt();
  work();
  stop_ckpt(1);
  CHECK(area == before && own == NULL && moved == NULL);
  CHECK(is_filled(area, 'x', PAGES * PAGE));
  for (int i = 0; i < PAGES; i++) {
    char rights[3] = "";
    rights_of(area + i * PAGE, rights);
    CHECK(strcmp(rights, "rw") == 0);
  }

  start_ckpt();
  work();
  stop_ckpt(0);
  CHECK(!can_write(area) && !can_write(area + PAGE) && area[PAGE] == 1);
  CHECK(area[2 * PAGE] == 2 && area[5 * PAGE] == 5 && own[0] == 4 && own[4 * PAGE] == 3);
  CHECK(moved[0] == 6 && moved[63 * PAGE] == 7 && area[6 * PAGE] == 1);
  CHECK(!can_write(area + 7 * PAGE));
  return 0;
}
