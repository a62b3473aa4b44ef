// The heap of a program under test (region_heap.c), and what region_main.c has to know of it.
#pragma once

struct RegionHeap {
  char *begin, *top;
};

// The heap's own state: no memory of the program's.
extern struct RegionHeap region_heap;
