// What belongs to the process: environment, signals, children, folder, masks, timers, options.
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "region/actions.h"
#include "region/clone_table.h"
#include "region/effect.h"
#include "region/external.h"
#include "region/output.h"

using namespace belay::region;

// ---- Environment: as setenv() does it, but that what is replaced is there after a rollback. ----

namespace {

// The entry of `name` (up to '='), or null.
char** find_variable(const char* name, size_t bytes) {
  for (char** each = environ; each != nullptr && *each != nullptr; each++)
    if (strncmp(*each, name, bytes) == 0 && (*each)[bytes] == '=') return each;
  return nullptr;
}

int set_variable(char* text, size_t name_bytes) {
  if (char** known = find_variable(text, name_bytes)) {
    log_bytes(known, sizeof *known);
    *known = text;
    return 0;
  }
  size_t count = 0;
  while (environ != nullptr && environ[count] != nullptr) count++;
  char** all = static_cast<char**>(born_by_malloc(malloc((count + 2) * sizeof *all)));
  if (all == nullptr) return -1;
  if (count > 0) memcpy(all, environ, count * sizeof *all);
  all[count] = text;
  all[count + 1] = nullptr;
  log_bytes(&environ, sizeof environ);
  environ = all;
  return 0;
}

bool is_name(const char* name) { return name != nullptr && *name != '\0' && !strchr(name, '='); }

}  // namespace

EFFECT(int, setenv, (const char* name, const char* value, int replace)) {
  if (!in_region() || !is_name(name)) return setenv(name, value, replace);
  const size_t name_bytes = strlen(name), value_bytes = strlen(value) + 1;
  if (!replace && find_variable(name, name_bytes) != nullptr) return 0;
  auto* text = static_cast<char*>(born_by_malloc(malloc(name_bytes + 1 + value_bytes)));
  if (text == nullptr) return -1;
  memcpy(text, name, name_bytes);
  text[name_bytes] = '=';
  memcpy(text + name_bytes + 1, value, value_bytes);
  return set_variable(text, name_bytes);
}
EFFECT(int, unsetenv, (const char* name)) {
  if (!in_region() || !is_name(name)) return unsetenv(name);
  while (char** known = find_variable(name, strlen(name))) {
    for (; *known != nullptr; known++) {
      log_bytes(known, sizeof *known);
      known[0] = known[1];
    }
  }
  return 0;
}
EFFECT(int, putenv, (char* text)) {
  const char* equals = strchr(text, '=');
  if (equals == nullptr) return fx_unsetenv(text);
  return in_region() ? set_variable(text, static_cast<size_t>(equals - text)) : putenv(text);
}
EFFECT(int, clearenv, ()) {
  if (!in_region()) return clearenv();
  log_bytes(&environ, sizeof environ);
  environ = nullptr;
  return 0;
}

// ---- Signals ----

namespace {

struct Handler {
  int which;
  struct sigaction action;
};
void set_handler(void* argument) {
  auto* old = static_cast<Handler*>(argument);
  sigaction(old->which, &old->action, nullptr);
  free(old);
}
void note_handler(int which) {
  if (!in_region()) return;
  auto* old = static_cast<Handler*>(malloc(sizeof(Handler)));
  if (old == nullptr) fatal("no memory to note a signal handler");
  old->which = which;
  if (sigaction(which, nullptr, &old->action) == 0)
    on_rollback_only(set_handler, old);
  else
    free(old);
}

void set_mask(void* argument) {
  pthread_sigmask(SIG_SETMASK, static_cast<sigset_t*>(argument), nullptr);
  free(argument);
}
void note_mask() {
  if (!in_region()) return;
  auto* old = static_cast<sigset_t*>(malloc(sizeof(sigset_t)));
  if (old == nullptr) fatal("no memory to note a signal mask");
  pthread_sigmask(SIG_SETMASK, nullptr, old);
  on_rollback_only(set_mask, old);
}

}  // namespace

EFFECT(int, sigaction, (int which, const struct sigaction* to, struct sigaction* old)) {
  if (old != nullptr) log_bytes(old, sizeof *old);
  if (to != nullptr) note_handler(which);
  return sigaction(which, to, old);
}
EFFECT(sighandler_t, signal, (int which, sighandler_t to)) {
  note_handler(which);
  return signal(which, to);
}
EFFECT(int, pthread_sigmask, (int how, const sigset_t* to, sigset_t* old)) {
  if (old != nullptr) log_bytes(old, sizeof *old);
  if (to != nullptr) note_mask();
  return pthread_sigmask(how, to, old);
}
EFFECT(int, sigprocmask, (int how, const sigset_t* to, sigset_t* old)) {
  int code = fx_pthread_sigmask(how, to, old);
  if (code == 0) return 0;
  errno = code;
  return -1;
}
EFFECT(int, sigaltstack, (const stack_t* to, stack_t* old)) {
  if (to != nullptr && in_region()) {
    stack_t now;
    auto* copy = static_cast<stack_t*>(malloc(sizeof(stack_t)));
    if (copy == nullptr || sigaltstack(nullptr, &now) != 0) fatal("no memory to note a stack");
    *copy = now;
    on_rollback_only(
        [](void* each) {
          sigaltstack(static_cast<stack_t*>(each), nullptr);
          free(each);
        },
        copy);
  }
  if (old != nullptr) log_bytes(old, sizeof *old);
  return sigaltstack(to, old);
}
EFFECT(unsigned, alarm, (unsigned seconds)) {
  unsigned old = alarm(seconds);
  on_rollback([](void* each) { alarm(static_cast<unsigned>(reinterpret_cast<uintptr_t>(each))); },
              reinterpret_cast<void*>(uintptr_t{old}));
  return old;
}
EFFECT(int, setitimer, (__itimer_which_t which, const itimerval* to, itimerval* old)) {
  allow_external("setitimer");
  if (old != nullptr) log_bytes(old, sizeof *old);
  return setitimer(which, to, old);
}

// What it sets, stays.
EFFECT(int, prctl, (int option, ...)) {
  va_list arguments;
  va_start(arguments, option);
  unsigned long words[4];
  for (unsigned long& each : words) each = va_arg(arguments, unsigned long);
  va_end(arguments);
  size_t answer = 0;
  switch (option) {
    case PR_GET_NAME:
      answer = 16;
      break;
    case PR_GET_TID_ADDRESS:
      answer = sizeof(int*);
      break;
    case PR_GET_PDEATHSIG:
    case PR_GET_CHILD_SUBREAPER:
    case PR_GET_TSC:
    case PR_GET_UNALIGN:
    case PR_GET_ENDIAN:
    case PR_GET_FPEMU:
    case PR_GET_FPEXC:
      answer = sizeof(int);
      break;
    default:
      allow_external("prctl");
  }
  if (answer != 0) log_bytes(reinterpret_cast<void*>(words[0]), answer);
  return prctl(option, words[0], words[1], words[2], words[3]);
}

// ---- Folder, masks ----

EFFECT(mode_t, umask, (mode_t to)) {
  mode_t old = umask(to);
  on_rollback([](void* each) { umask(static_cast<mode_t>(reinterpret_cast<uintptr_t>(each))); },
              reinterpret_cast<void*>(uintptr_t{old}));
  return old;
}

namespace {

void go_back(void* argument) {
  auto folder = static_cast<int>(reinterpret_cast<intptr_t>(argument));
  if (fchdir(folder) != 0) report("the working directory of the region's start is gone");
  close(folder);
}

// Once a region: each note holds a descriptor until the commit.
void note_folder() {
  static const char is_noted = 0;  // for its address
  if (!in_region() || find_noted(&is_noted) != nullptr) return;
  add_noted(&is_noted);
  int folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  int high = fcntl(folder, F_DUPFD_CLOEXEC, 256);
  if (high >= 0) close(folder), folder = high;
  auto* argument = reinterpret_cast<void*>(intptr_t{folder});
  on_rollback(go_back, argument);
  on_commit([](void* each) { close(static_cast<int>(reinterpret_cast<intptr_t>(each))); },
            argument);
}

}  // namespace

EFFECT(int, chdir, (const char* path)) {
  note_folder();
  return chdir(path);
}
EFFECT(int, fchdir, (int to)) {
  note_folder();
  return fchdir(to);
}
// Walks through folders call functions of the program.
EFFECT(int, ftw, (const char* path, __ftw_func_t call, int open_max)) {
  return ftw(path, clone_of(call), open_max);
}
EFFECT(int, ftw64, (const char* path, __ftw64_func_t call, int open_max)) {
  return ftw64(path, clone_of(call), open_max);
}
EFFECT(int, nftw, (const char* path, __nftw_func_t call, int open_max, int flags)) {
  if (flags & FTW_CHDIR) note_folder();
  return nftw(path, clone_of(call), open_max, flags);
}
EFFECT(int, nftw64, (const char* path, __nftw64_func_t call, int open_max, int flags)) {
  if (flags & FTW_CHDIR) note_folder();
  return nftw64(path, clone_of(call), open_max, flags);
}
EFFECT(char*, getcwd, (char* to, size_t room)) {
  if (to == nullptr) return static_cast<char*>(born_by_malloc(getcwd(nullptr, room)));
  log_bytes(to, room);
  return getcwd(to, room);
}
EFFECT(char*, __getcwd_chk, (char* to, size_t room, size_t all)) {
  check_room(room, all);
  return fx_getcwd(to, room);
}
EFFECT(char*, realpath, (const char* path, char* to)) {
  char* made = realpath(path, nullptr);
  if (made == nullptr || to == nullptr) return static_cast<char*>(born_by_malloc(made));
  const size_t bytes = strlen(made) + 1;
  log_bytes(to, bytes);
  memcpy(to, made, bytes);
  free(made);
  return to;
}
EFFECT(char*, __realpath_chk, (const char* path, char* to, size_t)) {
  return fx_realpath(path, to);
}

// ---- Children: what waits is written first, so that it comes before what they print. ----

EFFECT(pid_t, fork, ()) {
  allow_process("fork");
  const pid_t child = fork();
  if (child == 0) note_fork();
  return child;
}
// The child must not write into the parent's log.
EFFECT(pid_t, vfork, ()) { return fx_fork(); }
EFFECT(int, system, (const char* command)) {
  allow_process("system");
  return system(command);
}
EFFECT(int, execv, (const char* path, char* const arguments[])) {
  allow_process("execv");
  return execv(path, arguments);
}
EFFECT(int, execve, (const char* path, char* const arguments[], char* const variables[])) {
  allow_process("execve");
  return execve(path, arguments, variables);
}
EFFECT(int, execvp, (const char* path, char* const arguments[])) {
  allow_process("execvp");
  return execvp(path, arguments);
}
EFFECT(int, execvpe, (const char* path, char* const arguments[], char* const variables[])) {
  allow_process("execvpe");
  return execvpe(path, arguments, variables);
}

namespace {

// The arguments of execl() and its like, on the stack, as malloc() is not for a child to call.
struct Arguments {
  static constexpr int kMax = 1024;
  Arguments(const char* first, va_list* rest) {
    int count = 0;
    for (const char* each = first; each != nullptr; each = va_arg(*rest, const char*)) {
      if (count == kMax) fatal("more than %d arguments of a program in one call", kMax);
      words[count++] = const_cast<char*>(each);
    }
    words[count] = nullptr;
  }
  char* words[kMax + 1];
};

}  // namespace

EFFECT(int, execl, (const char* path, const char* first, ...)) {
  va_list rest;
  va_start(rest, first);
  const Arguments all(first, &rest);
  va_end(rest);
  return fx_execv(path, all.words);
}
EFFECT(int, execlp, (const char* path, const char* first, ...)) {
  va_list rest;
  va_start(rest, first);
  const Arguments all(first, &rest);
  va_end(rest);
  return fx_execvp(path, all.words);
}
EFFECT(int, execle, (const char* path, const char* first, ...)) {
  va_list rest;
  va_start(rest, first);
  const Arguments all(first, &rest);
  char* const* variables = va_arg(rest, char* const*);
  va_end(rest);
  return fx_execve(path, all.words, variables);
}

// ---- getopt: its state is in part hidden in libc. ----

namespace {

struct Words {
  uintptr_t *begin, *end;
};

int find_data(dl_phdr_info* info, size_t, void* out) {
  auto* words = static_cast<Words*>(out);
  uintptr_t relro_end = 0;
  for (int i = 0; i < info->dlpi_phnum; i++)
    if (const auto& each = info->dlpi_phdr[i]; each.p_type == PT_GNU_RELRO)
      relro_end = (info->dlpi_addr + each.p_vaddr + each.p_memsz + 7) & ~uintptr_t{7};
  auto code = reinterpret_cast<uintptr_t>(&getopt_long);
  bool is_libc = false;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const auto& each = info->dlpi_phdr[i];
    uintptr_t begin = info->dlpi_addr + each.p_vaddr;
    is_libc |= each.p_type == PT_LOAD && code - begin < each.p_memsz;
  }
  if (!is_libc) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const auto& each = info->dlpi_phdr[i];
    if (each.p_type != PT_LOAD || !(each.p_flags & PF_W)) continue;
    uintptr_t begin = (info->dlpi_addr + each.p_vaddr + 7) & ~uintptr_t{7};
    if (begin < relro_end) begin = relro_end;
    words->begin = reinterpret_cast<uintptr_t*>(begin);
    words->end = reinterpret_cast<uintptr_t*>((info->dlpi_addr + each.p_vaddr + each.p_memsz) &
                                              ~uintptr_t{7});
  }
  return 1;
}

// Logs what a call that allocates nothing changes in libc's static data, and libc alone changes it
// as long as there is one thread.
struct StaticData {
  StaticData() {
    if (!in_region() || !__libc_single_threaded) return;
    static const Words all = [] {
      Words found = {nullptr, nullptr};
      dl_iterate_phdr(find_data, &found);
      return found;
    }();
    words = all;
    if (words.begin == nullptr) return;
    bytes = static_cast<size_t>(words.end - words.begin) * sizeof *words.begin;
    copy = static_cast<uintptr_t*>(malloc(bytes));
    if (copy != nullptr) memcpy(copy, words.begin, bytes);
  }
  ~StaticData() {
    for (size_t i = 0; copy != nullptr && i < bytes / sizeof *copy; i++) {
      if (copy[i] == words.begin[i]) continue;
      const uintptr_t now = words.begin[i];
      words.begin[i] = copy[i];
      log_bytes(&words.begin[i], sizeof now);
      words.begin[i] = now;
    }
    free(copy);
  }
  Words words = {nullptr, nullptr};
  uintptr_t* copy = nullptr;
  size_t bytes = 0;
};

void log_options(int count, char* const* arguments) {
  log_bytes(&optind, sizeof optind);
  log_bytes(&optopt, sizeof optopt);
  log_bytes(&opterr, sizeof opterr);
  log_bytes(&optarg, sizeof optarg);
  // It moves them.
  log_bytes(arguments, static_cast<size_t>(count) * sizeof *arguments);
}

}  // namespace

EFFECT(int, getopt, (int count, char* const* arguments, const char* options)) {
  log_options(count, arguments);
  StaticData data;
  return getopt(count, arguments, options);
}
EFFECT(int, getopt_long,
       (int count, char* const* arguments, const char* options, const option* names, int* index)) {
  log_options(count, arguments);
  if (index != nullptr) log_bytes(index, sizeof *index);
  StaticData data;
  return getopt_long(count, arguments, options, names, index);
}
EFFECT(int, getopt_long_only,
       (int count, char* const* arguments, const char* options, const option* names, int* index)) {
  log_options(count, arguments);
  if (index != nullptr) log_bytes(index, sizeof *index);
  StaticData data;
  return getopt_long_only(count, arguments, options, names, index);
}
