// Goal: libraries that are loaded and unloaded between regions, each time another at the same
// address: pointers into the present one are found, through call sites that remember the last one.
#include <belay/region.h>
#include <dlfcn.h>
#include <string.h>

#include "../victims/check.h"

static char folder[4096];

static void* load(int which) {
  char path[4200];
  snprintf(path, sizeof path, "%s/libplugin%d.so", folder, which);
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == 0) fprintf(stderr, "%s\n", dlerror());
  CHECK(library != 0);
  return library;
}

int main(int count, char** words) {
  CHECK(count == 1);
  snprintf(folder, sizeof folder, "%s", words[0]);
  *strrchr(folder, '/') = '\0';
  void* seen[2] = {0, 0};
  int again = 0;
  for (int round = 0; round < 20; round++) {
    void* library = load(round % 2);
    void (*put)(int) = (void (*)(int))dlsym(library, "put");
    int* word = dlsym(library, "word");
    CHECK(put != 0 && word != 0);
    again += (void*)put == seen[(round + 1) % 2];
    seen[round % 2] = (void*)put;
    start_ckpt();
    put(5);
    CHECK(*word == 5 + round % 2);
    stop_ckpt(1);
    CHECK(*word == 0);
    start_ckpt();
    put(6);
    stop_ckpt(0);
    CHECK(*word == 6 + round % 2);
    CHECK(dlclose(library) == 0);
  }
  CHECK(again > 0);  // else it shows nothing
  return 0;
}
