/* autonomize_names.h — the short names of autonomize.h, which includes it. The type of the values
 * is found from the pointer, and au_NN() takes three arguments or five.
 */
#ifndef BELAY_AUTONOMIZE_NAMES_H
#define BELAY_AUTONOMIZE_NAMES_H

#ifdef __cplusplus
#include <belay/autonomize.hpp>
#else

#define BELAY_AU_TYPE(pointer)                \
  _Generic(*(pointer), float                  \
           : BELAY_AU_F32, double             \
           : BELAY_AU_F64, signed char        \
           : BELAY_AU_I8, char                \
           : BELAY_AU_I8, unsigned char       \
           : BELAY_AU_U8, short               \
           : BELAY_AU_I16, unsigned short     \
           : BELAY_AU_U16, int                \
           : BELAY_AU_I32, unsigned           \
           : BELAY_AU_U32, long               \
           : BELAY_AU_I64, unsigned long      \
           : BELAY_AU_U64, long long          \
           : BELAY_AU_I64, unsigned long long \
           : BELAY_AU_U64, _Bool              \
           : BELAY_AU_BOOL)

#define au_config(model, kind, ...) BELAY_AU_CONFIG(model, kind, __VA_ARGS__, 0)
#define BELAY_AU_CONFIG(model, kind, algorithm, ...) \
  belay_au_config((model), (kind), (algorithm), (const int32_t[]){__VA_ARGS__})
#define au_extract(name, count, data) belay_au_extract((name), BELAY_AU_TYPE(data), (count), (data))
#define au_extract_picture(name, height, width, channels, data) \
  belay_au_extract_picture((name), BELAY_AU_TYPE(data), (height), (width), (channels), (data))
#define au_serialize(out, ...) \
  belay_au_serialize((out), (const char* const[]){__VA_ARGS__, (const char*)0})
#define au_write_back(name, count, dst) \
  belay_au_write_back((name), BELAY_AU_TYPE(dst), (count), (dst))

/* The outputs' name is there to be read: a model decides all that it has declared. */
#define au_NN(...) BELAY_AU_NN(__VA_ARGS__, BELAY_AU_NN5, 0, BELAY_AU_NN3, 0)(__VA_ARGS__)
#define BELAY_AU_NN(a, b, c, d, e, chosen, ...) chosen
#define BELAY_AU_NN3(model, inputs, outputs) belay_au_nn((model), (inputs))
#define BELAY_AU_NN5(model, inputs, outputs, reward, terminal) \
  belay_au_nn_reward((model), (inputs), (reward), (terminal))

#define au_output belay_au_output
#define au_choice belay_au_choice
#define au_set belay_au_set
#define au_checkpoint belay_au_checkpoint
#define au_restore belay_au_restore
#define au_request_checkpoint belay_au_request_checkpoint
#define au_save belay_au_save
#define au_error belay_au_error

#endif
#endif
