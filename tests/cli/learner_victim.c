/* A corridor whose far end pays: a game with learned decisions that is over in a moment.
 *
 * usage: learner_victim [GAMES [die|silent]]   ends after so many games; 0: plays on for ever.
 *        die: by SIGKILL instead, silent: without a game that is over */
#include <belay/autonomize.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kLength = 6, kStepsMax = 40 };

int main(int argc, char** argv) {
  long games_max = argc > 1 ? atol(argv[1]) : 0;
  const char* manner = argc > 2 ? argv[2] : "";
  int place = 0, steps = 0, key = 0;
  float reward = 0;
  au_config("corridor", AU_DNN, AU_QLEARN, 16);
  au_choice("corridor", "key", 2, 0);
  au_set("corridor", "replay_after", 64);
  au_set("corridor", "epsilon_decisions", 2000);
  puts("begun");
  fflush(stdout);
  for (long games = 0; games_max == 0 || games < games_max;) {
    int over = strcmp(manner, "silent") != 0 && (place == kLength || steps == kStepsMax);
    au_extract("place", 1, &place);
    au_NN("corridor", au_serialize("seen", "place"), "key", reward, over);
    au_write_back("key", 1, &key);
    if (over || (*manner == 's' && steps > kStepsMax)) {
      games++;
      place = steps = 0;
      reward = 0;
      continue;
    }
    steps++;
    place += key == 1 ? 1 : place > 0 ? -1 : 0;
    reward = place == kLength ? 10 : -0.1f;
  }
  if (strcmp(manner, "die") == 0) raise(SIGKILL);
  return 0;
}
