// Goal: after a library was unloaded its functions are no longer known, and a call into what has
// taken its place is refused.
// Error: a region calls
// Error: from call
#include <belay/region.h>
#include <dlfcn.h>

#include "machine_code.h"

__attribute__((noinline)) void call(void (*put)(int)) { put(1); }

int main(int count, char** words) {
  CHECK(count == 1);
  char path[4200];
  int folder_bytes = (int)(strrchr(words[0], '/') - words[0]);
  snprintf(path, sizeof path, "%.*s/libplugin0.so", folder_bytes, words[0]);
  void* library = dlopen(path, RTLD_NOW);
  CHECK(library != 0);
  void (*put)(int) = (void (*)(int))dlsym(library, "put");
  start_ckpt();
  call(put);
  stop_ckpt(1);
  CHECK(dlclose(library) == 0);
  put_code((char*)put);
  call(put);
  start_ckpt();
  call(put);
  stop_ckpt(1);
  return 0;
}
