/* Prints "ready PID", then the name of each signal that it gets; ends at the second SIGQUIT.
   With an argument it leaves signals alone and waits. */
#define _GNU_SOURCE /* sigabbrev_np */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  (void)argv;
  const int signals[] = {SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT};
  sigset_t set;
  sigemptyset(&set);
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaddset(&set, signals[i]);
  if (argc == 1) sigprocmask(SIG_BLOCK, &set, NULL);
  printf("ready %d\n", getpid());
  fflush(stdout);
  while (argc > 1) pause();
  for (int quits = 0; quits < 2;) {
    int signal = 0;
    sigwait(&set, &signal);
    printf("%s\n", sigabbrev_np(signal));
    fflush(stdout);
    quits += signal == SIGQUIT;
  }
  return 9;
}
