// Stands in for libbelay_learn_torch of another version, in tests.
#include <stddef.h>
#include <stdint.h>

const void* belay_learn_torch_backend(uint64_t interface) {
  (void)interface;
  return NULL;
}
