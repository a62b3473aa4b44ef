// Goal: a stream in memory that was opened before the region is refused in it, since what its
// functions write into the program's memory is not known.
// Build: -D_GNU_SOURCE
// Error: a stream without a descriptor \(open_memstream, fmemopen, fopencookie\) that was opened
#include <belay/region.h>
#include <stdio.h>

int main(void) {
  char text[] = "1 2 3";
  FILE* stream = fmemopen(text, sizeof text, "r");
  start_ckpt();
  int first = fgetc(stream);
  stop_ckpt(1);
  return first == fgetc(stream);
}
