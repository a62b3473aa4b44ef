/* autonomize.h — a learned decision inside an ordinary program.
 *
 *     #include <belay/autonomize.h>
 *
 *     au_config("jump", AU_DNN, AU_QLEARN, 64, 64);            // two hidden layers
 *     au_choice("jump", "key", 3, 0);                          // one of 3 keys; 0 where in doubt
 *     for (;;) {                                               // the game's loop
 *       au_checkpoint();
 *       au_extract("runner", 4, &runner.x);
 *       au_extract("gap", 2, gap);
 *       au_NN("jump", au_serialize("seen", "runner", "gap"), "key", reward, dead);
 *       au_write_back("key", 1, &key);
 *       if (dead) au_restore();
 *       ...
 *
 * What the calls do is chosen outside the program, by BELAY_AU:
 *
 *   off      nothing: what au_write_back() is given stays as it is (the default)
 *   record   supervised models note inputs and the program's own values, to be learnt from later
 *   train    models learn: from the program's own values, or by choices and rewards
 *   deploy   models decide
 *
 * Two stores. What is extracted and decided is memory of the program, and goes back with it to a
 * checkpoint. Models (weights, optimiser, replay memory, counters, random state) do not. They are
 * files NAME.model in the folder BELAY_AU_MODELS (default: the working folder), read at first use,
 * written when the program ends and by au_save(), if they have learnt.
 *
 * A decision never harms the program: it lies within the bounds that were declared, and where a
 * value is missing, not finite or of another shape than the model has learnt, or a model's file is
 * damaged or foreign, it is the declared default, and one warning says so on standard error.
 *
 * Functions return 0, or -1 and set errno; au_error() is the sentence. Unless BELAY_AU is off,
 * standard error gets each of these sentences once, so that a program need not look. All are
 * thread-safe (calls take turns), none is async-signal-safe except au_request_checkpoint(); a child
 * of fork() may decide, but saves nothing. Link with -lbelay_learn.
 * BELAY_NO_SHORT_NAMES keeps the short names to yourself.
 */
#ifndef BELAY_AUTONOMIZE_H
#define BELAY_AUTONOMIZE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Models --------------------------------------------------------------------------------- */

typedef enum belay_au_kind { AU_DNN = 0, AU_CNN = 1 } belay_au_kind; /* dense; convolutions first */

typedef enum belay_au_algorithm {
  AU_ADAM = 0,  /* supervised, Adam */
  AU_SGD = 1,   /* supervised, gradient descent with momentum */
  AU_QLEARN = 2 /* reinforcement learning: deep Q-learning with Adam */
} belay_au_algorithm;

/* A convolution among the layers of an AU_CNN: square kernel, no padding, rectified. */
#define AU_CONV(channels, kernel, stride) \
  (INT32_C(0x40000000) | (channels) << 16 | (kernel) << 8 | (stride))

/* Declares a model: the widths of its hidden layers, up to 15 of them, 0 behind the last. Once for
   each name (up to 63 bytes of letters, digits, '-', '_' and '.'); the same again does nothing,
   something else is EEXIST. */
int belay_au_config(const char* model, belay_au_kind kind, belay_au_algorithm algorithm,
                    const int32_t* layers);

/* `count` numbers that the model decides, each in [low, high]; `fallback` where it can't. A model
   has at most 64 outputs. */
int belay_au_output(const char* model, const char* name, size_t count, double low, double high,
                    double fallback);
/* One of 0 ... count - 1. A reinforcement model has exactly one of these and nothing else. */
int belay_au_choice(const char* model, const char* name, size_t count, size_t fallback);

/* Changes an option before the model's first decision: learning_rate, batch, discount, loss, ...
   docs/learning.md lists them with their defaults. BELAY_AU_SET="model.option=value ..." has the
   last word. */
int belay_au_set(const char* model, const char* option, double value);

/* ---- Features and decisions ----------------------------------------------------------------- */

typedef enum belay_au_type {
  BELAY_AU_F32,
  BELAY_AU_F64,
  BELAY_AU_I8,
  BELAY_AU_U8,
  BELAY_AU_I16,
  BELAY_AU_U16,
  BELAY_AU_I32,
  BELAY_AU_U32,
  BELAY_AU_I64,
  BELAY_AU_U64,
  BELAY_AU_BOOL
} belay_au_type;

/* Copies `count` values of the program to the name. A picture has height x width x channels of
   them, channels last. */
int belay_au_extract(const char* name, belay_au_type type, size_t count, const void* data);
int belay_au_extract_picture(const char* name, belay_au_type type, size_t height, size_t width,
                             size_t channels, const void* data);

/* Puts the values of several names, NULL behind the last, one behind the other under the name
   `out`. Returns `out`, or NULL. */
const char* belay_au_serialize(const char* out, const char* const* names);

/* The model decides all its outputs from the values of `inputs`. */
int belay_au_nn(const char* model, const char* inputs);
/* The same for reinforcement learning: `reward` is what the last decision has brought, `terminal`
   says that nothing follows from here (the next call starts anew). */
int belay_au_nn_reward(const char* model, const char* inputs, double reward, int terminal);

/* Gives the program the decision `name`, rounded and cut to the type. In record and train mode of
   a supervised model the values at `dst` are the example, unless values were extracted under
   `name`, and stay as they are. NaN, or a choice that does not exist, is no example: a program that
   knows only later what was right calls it twice, before with NaN and then with that. */
int belay_au_write_back(const char* name, belay_au_type type, size_t count, void* dst);

/* ---- Going back ----------------------------------------------------------------------------- */

/* Takes a checkpoint of the program if one was asked for since the last: by the hot key or command
   of whatever runs the program (BELAY_AU_SERVER), or by au_request_checkpoint(): where there is no
   server, only the program asks. Returns 0: none was asked for;
   1: taken; 2: au_restore() has brought the program back here; -1. */
int belay_au_checkpoint(void);
/* Goes back to the latest checkpoint and does not return. With none taken: -1, ENOENT. */
int belay_au_restore(void);
/* Async-signal-safe. */
void belay_au_request_checkpoint(void);

/* What keeps the program's state. `take` returns 1, or 2 when `go_back` has led here, or -errno;
   `go_back` returns -errno or not at all. `asked` is called at each au_checkpoint(), and says
   whether the user asks for one; it may be NULL. The default keeps one savepoint. */
struct belay_au_snapshots {
  void* context;
  int (*asked)(void* context);
  int (*take)(void* context);
  int (*go_back)(void* context);
};
int belay_au_use_snapshots(const struct belay_au_snapshots* snapshots);

/* ---- More ----------------------------------------------------------------------------------- */

/* Writes every model that has learnt to its file: whole or not at all. */
int belay_au_save(void);
/* More batches from the examples of a supervised model, at once. */
int belay_au_fit(const char* model, uint64_t batches);

struct belay_au_stats {
  uint64_t decisions; /* of the model, in all its life, for reinforcement learning */
  uint64_t examples;  /* that a supervised model has been shown */
  uint64_t batches;   /* learnt from */
  uint64_t fallbacks; /* decisions of this process that were the default */
  double last_loss;
  double epsilon;     /* share of random choices */
  uint64_t episodes;  /* that ended in this process */
  double mean_return; /* of the last 100 of them */
};
int belay_au_get_stats(const char* model, struct belay_au_stats* out);

/* "off", "record", "train" or "deploy". */
const char* belay_au_mode(void);
/* The last failure of this thread. */
const char* belay_au_error(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#ifndef BELAY_NO_SHORT_NAMES
#include <belay/autonomize_names.h>
#endif

#endif
