// Goal: what functions of the C library write is as before after a rollback: every word of the
// program's data and of the heap blocks, offsets, contents of files, hidden states.
// Build: -D_GNU_SOURCE -w -lm
// Says 0: old contents are lost
#include <belay/region.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <grp.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

// The functions write here, and nowhere else in the program.
static union {
  char bytes[8192];
  struct stat stat;
  struct tm tm;
  struct utsname names;
  struct rusage usage;
  struct tms times;
  struct timespec time;
  struct sigaction action;
  sigset_t signals;
  regmatch_t matches[4];
  pthread_mutexattr_t attribute;
  wchar_t wide[64];
  int numbers[8];
  double reals[8];
  char* pointers[128];
  struct dirent entry, *entries[128];
} to, was;
static FILE* stream;
static int descriptor;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char* words[] = {"victim", "-a", "-bvalue", "word", NULL};

static void strings(void) {
  strxfrm(to.bytes, "some text", 64);
  memccpy(to.bytes + 100, "stop here", 'h', 9);
  stpncpy(to.bytes + 200, "abc", 16);
  char* rest = strcpy(to.bytes + 300, "one,two,three");
  while (strsep(&rest, ",") != NULL) continue;
  strcpy(to.bytes + 400, "four five");
  for (char* each = strtok(to.bytes + 400, " "); each != NULL; each = strtok(NULL, " ")) continue;
  snprintf(to.bytes + 500, 64, "%d %s", 7, "seven");
  sscanf("12 word 3.5 xyz", "%d %15s %lf %2c", &to.numbers[7], to.bytes + 600, &to.reals[6],
         to.bytes + 700);
  mbstowcs(to.wide, "wide", 8);
  wcscpy(to.wide + 10, L"wider");
}
static void files(void) {
  stat("/", &to.stat);
  char line[64];
  fgets(line, sizeof line, stream);
  ungetc('x', stream);
  fseek(stream, 0, SEEK_END);
  fprintf(stream, "more\n");
  rewind(stream);
  fread(to.bytes + 1000, 1, 8, stream);
  lseek(descriptor, 3, SEEK_SET);
  write(descriptor, "overwritten and appended", 24);
  pread(descriptor, to.bytes + 1100, 10, 0);
  for (int i = 0; i < 2; i++) {  // the region's own file, which a rollback need not fill again
    FILE* made = fopen("victim.made", "w");
    fputs("made", made);
    fclose(made);
  }
  unlink("victim.made");
  FILE* other = tmpfile();
  fputs("text", other);
  fclose(other);
  int ends[2];
  pipe(ends);
  close(ends[0]);
  close(descriptor);
  DIR* folder = opendir("/");
  readdir(folder);
  readdir_r(folder, &to.entry, &to.entries[100]);
  closedir(folder);
  readlink("/proc/self/exe", to.bytes + 1200, 200);
  getcwd(to.bytes + 1500, 1000);
  realpath(".", to.bytes + 2600);
  chdir("/");
}
static void times_and_numbers(void) {
  time_t now = 86400;
  gmtime_r(&now, &to.tm);
  localtime(&now);
  strftime(to.bytes + 100, 100, "%Y %m", gmtime(&now));
  clock_gettime(CLOCK_MONOTONIC, &to.time);
  getrusage(RUSAGE_SELF, &to.usage);
  times(&to.times);
  uname(&to.names);
  to.reals[5] = frexp(3.0, &to.numbers[0]) + modf(2.5, &to.reals[1]) + lgamma(-0.5);
  sincos(1.0, &to.reals[2], &to.reals[3]);
  getloadavg(&to.reals[6], 2);
  strtoimax("12", &to.pointers[90], 10);
  ctermid(to.bytes + 1000);
  rand();
  srandom(9);
  random();
  lrand48();
}
static void process(void) {
  setenv("BELAY_VICTIM", "set", 1);
  unsetenv("PATH");
  sigaction(SIGUSR1, NULL, &to.action);
  signal(SIGUSR1, SIG_IGN);
  sigfillset(&to.signals);
  sigprocmask(SIG_BLOCK, &to.signals, NULL);
  to.pointers[91] = getpwnam("nobody")->pw_name;
  to.pointers[92] = getgrgid(65534) == getgrnam("daemon") ? getgrnam("sys")->gr_name : NULL;
  while (getopt(4, words, "ab:") != -1) continue;
  regex_t expression;
  regcomp(&expression, "(t+)x", REG_EXTENDED);
  regexec(&expression, "attx", 2, to.matches, 0);
  regfree(&expression);
  glob_t found;
  glob("/*", 0, NULL, &found);
  globfree(&found);
  setlocale(LC_ALL, "C.UTF-8");
  localeconv()->decimal_point = "none";
  pthread_mutex_lock(&mutex);
  umask(077);
}

static int holds(int condition, const char* what) {
  if (!condition) fprintf(stderr, "not as before: %s\n", what);
  return condition;
}

int main(void) {
  int fine = 1;
  stream = tmpfile();
  fputs("first line\nsecond line\n", stream);
  rewind(stream);
  getc(stream);
  char name[] = "victim.XXXXXX";
  descriptor = mkstemp(name);
  write(descriptor, "contents", 8);
  umask(022);
  srand(5);
  srand48(5);
  int first_rand = rand();
  long first_rand48 = lrand48();
  srand(5);
  srand48(5);
  memset(&to, 0x5a, sizeof to);
  memcpy(&was, &to, sizeof to);
  void (*const groups[])(void) = {strings, files, times_and_numbers, process};
  struct lconv *numbers = localeconv(), format = *numbers;
  struct passwd *user = getpwuid(0), user_was = *user;
  struct group *users = getgrgid(0), users_were = *users;
  char folder[4096], now[4096], contents[64];
  getcwd(folder, sizeof folder);
  for (int i = 0; i < 4; i++) {
    start_ckpt();
    groups[i]();
    stop_ckpt(1);
    for (size_t at = 0; at < sizeof to; at++)
      if (to.bytes[at] != was.bytes[at]) {
        fprintf(stderr, "group %d: byte %zu differs\n", i, at);
        return 1;
      }
  }
  fine &= holds(rand() == first_rand, "rand");
  fine &= holds(lrand48() == first_rand48, "lrand48");
  fine &= holds(ftell(stream) == 1 && getc(stream) == 'i', "stream");
  fseek(stream, 0, SEEK_END);
  fine &= holds(ftell(stream) == 23, "stream's file");
  fine &= holds(lseek(descriptor, 0, SEEK_CUR) == 8, "offset");
  fine &= holds(pread(descriptor, contents, 64, 0) == 8 && !memcmp(contents, "contents", 8),
                "contents");
  fine &= holds(getenv("BELAY_VICTIM") == NULL && getenv("PATH") != NULL, "environment");
  fine &= holds(!strcmp(getcwd(now, sizeof now), folder), "folder");
  fine &= holds(signal(SIGUSR1, SIG_DFL) == SIG_DFL, "handler");
  fine &= holds(optind == 1 && getopt(4, words, "ab:") == 'a', "getopt");
  fine &= holds(!strcmp(setlocale(LC_ALL, NULL), "C"), "locale");
  fine &= holds(!memcmp(numbers, &format, sizeof format), "form of numbers");
  fine &=
      holds(!memcmp(user, &user_was, sizeof user_was) && !strcmp(user->pw_name, "root"), "user");
  fine &= holds(!memcmp(users, &users_were, sizeof users_were), "group of users");
  fine &= holds(pthread_mutex_trylock(&mutex) == 0, "mutex");
  fine &= holds(umask(0) == 022, "umask");
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  fine &= holds(!sigismember(&blocked, SIGINT), "mask");
  unlink(name);
  return !fine;
}
