#include "region/exits.h"

#include "region/effect.h"

using namespace belay::region;

extern "C" {
int __cxa_atexit(void (*)(void*), void*, void*);
__attribute__((weak)) int __cxa_thread_atexit(void (*)(void*), void*, void*);
}

namespace belay::region {

void register_exits() {
  auto& exits = this_thread.exits;
  for (const Exit& each : exits)
    (each.of_thread ? __cxa_thread_atexit : __cxa_atexit)(each.function, each.argument,
                                                          each.object);
  exits.truncate(0);
}

}  // namespace belay::region

EFFECT(int, __cxa_atexit, (void (*function)(void*), void* argument, void* object)) {
  if (!in_region()) return __cxa_atexit(function, argument, object);
  this_thread.exits.push({function, argument, object, false});
  return 0;
}

EFFECT(int, __cxa_thread_atexit, (void (*function)(void*), void* argument, void* object)) {
  if (!in_region()) return __cxa_thread_atexit(function, argument, object);
  this_thread.exits.push({function, argument, object, true});
  return 0;
}
