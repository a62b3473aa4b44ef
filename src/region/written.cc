// The functions of effects.def whose effects are said there.
#include "region/written.h"

#include <arpa/inet.h>
#include <complex.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <fenv.h>
#include <grp.h>
#include <iconv.h>
#include <inttypes.h>
#include <libgen.h>
#include <malloc.h>
#include <math.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <regex.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timeb.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "region/effect.h"
#include "region/external.h"

using namespace belay::region;

// Those that headers declare under other names, or only for old programs.
extern "C" {
#define BELAY_OLD __attribute__((weak))
BELAY_OLD long __isoc23_strtol(const char*, char**, int);
BELAY_OLD long long __isoc23_strtoll(const char*, char**, int);
BELAY_OLD unsigned long __isoc23_strtoul(const char*, char**, int);
BELAY_OLD unsigned long long __isoc23_strtoull(const char*, char**, int);
BELAY_OLD intmax_t __isoc23_strtoimax(const char*, char**, int);
BELAY_OLD uintmax_t __isoc23_strtoumax(const char*, char**, int);
BELAY_OLD int __xstat(int, const char*, struct stat*);
BELAY_OLD int __lxstat(int, const char*, struct stat*);
BELAY_OLD int __fxstat(int, int, struct stat*);
BELAY_OLD int __xstat64(int, const char*, struct stat64*);
BELAY_OLD int __lxstat64(int, const char*, struct stat64*);
BELAY_OLD int __fxstat64(int, int, struct stat64*);
BELAY_OLD int __poll_chk(pollfd*, nfds_t, int, size_t);
BELAY_OLD ssize_t __readlink_chk(const char*, char*, size_t, size_t);
BELAY_OLD size_t __wcrtomb_chk(char*, wchar_t, mbstate_t*, size_t);
BELAY_OLD size_t __mbstowcs_chk(wchar_t*, const char*, size_t, size_t);
BELAY_OLD size_t __wcstombs_chk(char*, const wchar_t*, size_t, size_t);
BELAY_OLD void arc4random_buf(void*, size_t);
BELAY_OLD int __xpg_strerror_r(int, char*, size_t);
#undef BELAY_OLD
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#pragma GCC diagnostic ignored "-Wnonnull"

#define BELAY_PURE(name)
#define BELAY_WRAPPED(name)
#define BELAY_WRITES(result, name, parameters, arguments, ...) \
  EFFECT(result, name, parameters) {                           \
    log_spans(__VA_ARGS__);                                    \
    return name arguments;                                     \
  }
#define BELAY_ALLOCATES(result, name, parameters, arguments) \
  EFFECT(result, name, parameters) { return static_cast<result>(born_by_malloc(name arguments)); }
#define BELAY_OPENS(result, name, parameters, arguments) \
  EFFECT(result, name, parameters) { return opened(name arguments); }
#define BELAY_STAYS(result, name, parameters, arguments) \
  EFFECT(result, name, parameters) {                     \
    allow_external(#name);                               \
    return name arguments;                               \
  }
#include "region/effects.def"

namespace belay::region {

Span time_zone() {
  log_spans(array(tzname, 2), object(&timezone), object(&daylight));
  return {};
}

mbstate_t* own(mbstate_t* state) {
  static thread_local mbstate_t hidden;
  if (state != nullptr) return state;
  log_bytes(&hidden, sizeof hidden);
  return &hidden;
}

void* rand48_state() {
  static void* found;
  if (found == nullptr) {
    // It returns the address of a field.
    unsigned short seed[3] = {};
    found = reinterpret_cast<char*>(seed48(seed)) - offsetof(drand48_data, __old_x);
  }
  return found;
}

// When no program has used it yet, so that what seed48() changes can be put back: it is all zeros.
__attribute__((constructor(101))) static void find_rand48_state() {
  memset(rand48_state(), 0, sizeof(drand48_data));
}

}  // namespace belay::region
