// Goal: a program linked with Belay's malloc gets plain malloc's blocks from the arena.
#include <belay/checkpoint_restore.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  struct crheap_stats before, after;
  if (crheap_stats(&before) != 0) return 1;
  void* volatile block = malloc(12345);
  if (crheap_stats(&after) != 0) return 1;
  printf("%llu more live blocks\n", (unsigned long long)(after.allocations - before.allocations));
  free(block);
  return after.allocated_bytes - before.allocated_bytes >= 12345 ? 0 : 1;
}
