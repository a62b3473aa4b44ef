#ifndef BELAY_SAVEPOINT_H
#define BELAY_SAVEPOINT_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef uint64_t belay_savepoint_t;
int belay_savepoint(belay_savepoint_t* out);
int belay_rollback_to(belay_savepoint_t savepoint, int value);
const char* belay_crerror(void);
#ifdef __cplusplus
}
#endif
#endif
