/* A corridor whose far end pays: a game with learned decisions that is over in a moment.
 *
 * usage: learner_victim [GAMES [die|silent|exit|fork|names]]   ends after so many games; 0: plays
 *        on for ever. die: by SIGKILL instead, silent: without a game that is over, exit: by exit()
 *        in the midst of a call, fork: with children while another thread decides, names: with
 *        misspelt and missing ones */
#include <belay/autonomize.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kLength = 6, kStepsMax = 40, kChildren = 30 };

static int exit_here(void* context) {
  (void)context;
  exit(0);
}

static void exit_in_a_call(void) {
  struct belay_au_snapshots snapshots = {NULL, NULL, exit_here, exit_here};
  belay_au_use_snapshots(&snapshots);
  au_request_checkpoint();
  au_checkpoint();
}

static volatile int decided = 0, all_forked = 0;

static void* decide_on(void* nothing) {
  for (float place = 0; !all_forked; place++) {
    au_extract("elsewhere", 1, &place);
    au_NN("corridor", "elsewhere", "key", 0.0, 0);
    decided = 1;
  }
  return nothing;
}

static int fork_while_others_decide(void) {
  pthread_t other;
  int status = 0;
  pthread_create(&other, NULL, decide_on, NULL);
  while (!decided) sched_yield();
  for (int i = 0; i < kChildren && status == 0; i++) {
    pid_t child = fork();
    if (child == 0) exit(0);
    waitpid(child, &status, 0);
  }
  all_forked = 1;
  pthread_join(other, NULL);
  return status != 0;
}

static int misname(void) {
  int place = 0;
  au_extract("place", 1, &place);
  au_NN("coridor", "place", "key", 0.0, 0);
  au_NN("corridor", au_serialize("seen", "plaice"), "key", 0.0, 0);
  belay_au_nn(NULL, NULL);
  belay_au_serialize("seen", NULL);
  for (int i = 0; i < 3; i++) au_write_back("kee", 1, &place);
  return au_restore() == 0;
}

int main(int argc, char** argv) {
  long games_max = argc > 1 ? atol(argv[1]) : 0;
  const char* manner = argc > 2 ? argv[2] : "";
  int place = 0, steps = 0, key = 0;
  float reward = 0;
  au_config("corridor", AU_DNN, AU_QLEARN, 16);
  au_choice("corridor", "key", 2, 0);
  au_set("corridor", "replay_after", 64);
  au_set("corridor", "epsilon_decisions", 2000);
  if (strcmp(manner, "exit") == 0) exit_in_a_call();
  if (strcmp(manner, "fork") == 0) return fork_while_others_decide();
  if (strcmp(manner, "names") == 0) return misname();
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
