// A program that learns, and does one thing for each line that it is told.
#include <belay/autonomize.h>
#include <stdio.h>
#include <string.h>

static int counter;

static void decide(float value) {
  int key = -1;
  au_extract("seen", 1, &value);
  au_NN("learner", "seen", "key", value, 0);
  au_write_back("key", 1, &key);
  counter += key;
  printf("%d %d\n", key, counter);
}

static void show(void) {
  struct belay_au_stats stats = {0};
  belay_au_get_stats("learner", &stats);
  printf("%d %llu %llu\n", counter, (unsigned long long)stats.decisions,
         (unsigned long long)stats.batches);
}

int main(void) {
  char line[64];
  float value;
  setvbuf(stdout, NULL, _IOLBF, 0);
  au_config("learner", AU_DNN, AU_QLEARN, 8);
  au_choice("learner", "key", 3, 0);
  au_set("learner", "replay_after", 4);
  au_set("learner", "replay_batch", 4);
  au_set("learner", "learn_every", 1);
  while (fgets(line, sizeof line, stdin)) {
    if (strcmp(line, "checkpoint\n") == 0) {
      int result = au_checkpoint();
      printf("%d %d %s\n", result, counter, result < 0 ? belay_au_error() : "");
    } else if (strcmp(line, "request\n") == 0) {
      belay_au_request_checkpoint();
      printf("requested\n");
    } else if (strcmp(line, "restore\n") == 0) {
      au_restore();
      printf("-1 %s\n", belay_au_error());
    } else if (strcmp(line, "count\n") == 0) {
      printf("%d\n", ++counter);
    } else if (sscanf(line, "decide %f", &value) == 1) {
      decide(value);
    } else {
      show();
    }
  }
  return 0;
}
