// A program that learns while it goes back again and again: the same under every driver of
// snapshots. At its checkpoint, each time that it is there, it prints what it knows of the world,
// which goes back, and what its model has learnt, which doesn't.
//
// usage: training ROUNDS STEPS [TWO]
// With TWO there is a second checkpoint, and before it goes back it waits for a byte of standard
// input: whoever runs it has chosen then which of the two.
#include <belay/autonomize.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// A walk along a line towards 0, with gusts of wind. Its state is where programs have it: in
// globals, on the heap, and on main's stack.
static uint32_t wind_seed = 12345;
static int position = 40;
static int* path;
static uint64_t path_length;

static int wind(void) {
  wind_seed = wind_seed * 1664525 + 1013904223;
  return (int)(wind_seed >> 30) - 1;
}

static void give_up(const char* what) {
  fprintf(stderr, "training: %s: %s\n", what, belay_au_error());
  exit(1);
}

static void step(uint64_t* score) {
  const float seen[] = {(float)position / 100, (float)wind_seed / 4294967296.0f};
  int before = abs(position), move = 0;
  au_extract("seen", 2, seen);
  au_NN("walk", "seen", "move", (double)(*score % 7) / 7, 0);
  if (au_write_back("move", 1, &move) != 0) give_up("au_write_back");
  position += move - 1 + wind();
  path[path_length++] = position;
  *score += (uint64_t)(abs(position) < before);
}

// FNV-1a.
static const uint64_t kDigestStart = UINT64_C(14695981039346656037);
static uint64_t digest(uint64_t sum, const void* data, size_t bytes) {
  for (size_t i = 0; i < bytes; i++)
    sum = (sum ^ ((const unsigned char*)data)[i]) * UINT64_C(1099511628211);
  return sum;
}

static uint64_t world(uint64_t score) {
  uint64_t sum = digest(kDigestStart, &wind_seed, sizeof wind_seed);
  sum = digest(sum, &position, sizeof position);
  sum = digest(sum, path, path_length * sizeof path[0]);
  return digest(sum, &score, sizeof score);
}

// Of all that the model is: weights, optimiser, what it has seen, its counters.
static uint64_t model(void) {
  char name[1000], bytes[4096];
  const char* folder = getenv("BELAY_AU_MODELS");
  snprintf(name, sizeof name, "%s/walk.model", folder != NULL ? folder : ".");
  FILE* file = au_save() == 0 ? fopen(name, "r") : NULL;
  if (file == NULL) give_up("au_save");
  uint64_t sum = kDigestStart;
  for (size_t got; (got = fread(bytes, 1, sizeof bytes, file)) != 0;) sum = digest(sum, bytes, got);
  fclose(file);
  return sum;
}

// Returns what the model has decided so far.
static uint64_t checkpoint_and_say(uint64_t score) {
  au_request_checkpoint();
  int came = au_checkpoint();
  if (came < 1) give_up("au_checkpoint");
  printf(came == 1 ? "taken " : "restored ");
  fflush(stdout);  // a benchmark looks at when it is back
  struct belay_au_stats stats;
  belay_au_get_stats("walk", &stats);
  printf("world %016" PRIx64 " model %016" PRIx64 " decisions %" PRIu64 "\n", world(score), model(),
         stats.decisions);
  fflush(stdout);
  return stats.decisions;
}

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  const uint64_t rounds = strtoull(argv[1], NULL, 10), steps = strtoull(argv[2], NULL, 10);
  path = malloc(3 * steps * sizeof path[0]);
  if (path == NULL) return 1;
  au_config("walk", AU_DNN, AU_QLEARN, 16, 16);
  au_choice("walk", "move", 3, 1);
  uint64_t score = 0;
  for (uint64_t i = 0; i < steps; i++) step(&score);

  bool two = argc == 4;
  uint64_t decisions = checkpoint_and_say(score);
  for (uint64_t i = 0; i < steps && two; i++) step(&score);
  if (two) decisions = checkpoint_and_say(score);
  if (decisions >= (rounds + 1) * steps) return 0;

  for (uint64_t i = 0; i < steps; i++) step(&score);
  printf("going back\n");
  fflush(stdout);
  char chosen;
  if (two && read(STDIN_FILENO, &chosen, 1) != 1) return 1;  // not stdio: its buffer goes back
  au_restore();
  give_up("au_restore");
}
