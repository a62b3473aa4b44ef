// libatomic, which clang calls for atomic objects that no instruction is as wide as. Those of the
// compiler's own by these names have other parameters.
#include "region/effect.h"

using namespace belay::region;

extern "C" {
#define BELAY_WEAK(name) __asm__(name) __attribute__((weak))
void load_atomic(size_t, void*, void*, int) BELAY_WEAK("__atomic_load");
void store_atomic(size_t, void*, void*, int) BELAY_WEAK("__atomic_store");
void exchange_atomic(size_t, void*, void*, void*, int) BELAY_WEAK("__atomic_exchange");
bool compare_exchange_atomic(size_t, void*, void*, void*, int, int)
    BELAY_WEAK("__atomic_compare_exchange");
#undef BELAY_WEAK
}

EFFECT(void, __atomic_load, (size_t bytes, void* object, void* result, int order)) {
  log_bytes(result, bytes);
  load_atomic(bytes, object, result, order);
}
EFFECT(void, __atomic_store, (size_t bytes, void* object, void* value, int order)) {
  log_bytes(object, bytes);
  store_atomic(bytes, object, value, order);
}
EFFECT(void, __atomic_exchange,
       (size_t bytes, void* object, void* value, void* result, int order)) {
  log_bytes(object, bytes);
  log_bytes(result, bytes);
  exchange_atomic(bytes, object, value, result, order);
}
EFFECT(bool, __atomic_compare_exchange,
       (size_t bytes, void* object, void* expected, void* desired, int order, int otherwise)) {
  log_bytes(object, bytes);
  log_bytes(expected, bytes);
  return compare_exchange_atomic(bytes, object, expected, desired, order, otherwise);
}
