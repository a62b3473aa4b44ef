// Descriptors: open, read, write, close. Regular files are written at once, and have their old
// contents again after a rollback; descriptors 1 and 2 are output, which waits.
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "region/actions.h"
#include "region/effect.h"
#include "region/external.h"
#include "region/output.h"

using namespace belay::region;

namespace {

struct OldFile {
  size_t bytes;
  char* name;
  char data[];
};

void remove_file(void* name) {
  unlink(static_cast<char*>(name));
  free(name);
}

void release_old(void* argument) {
  auto* old = static_cast<OldFile*>(argument);
  free(old->name);
  free(old);
}

void fill_file(void* argument) {
  auto* old = static_cast<OldFile*>(argument);
  int descriptor = open(old->name, O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (descriptor < 0 || write(descriptor, old->data, old->bytes) != ssize_t(old->bytes))
    report("%s: its old contents are lost", old->name);
  if (descriptor >= 0) close(descriptor);
  release_old(old);
}

// An absolute name, so that it is the same wherever the program goes.
char* full_name(int in, const char* path) {
  char link[64], folder[4096];
  if (path[0] == '/') return strdup(path);
  ssize_t bytes;
  if (in == AT_FDCWD) {
    bytes = getcwd(folder, sizeof folder) ? static_cast<ssize_t>(strlen(folder)) : -1;
  } else {
    snprintf(link, sizeof link, "/proc/self/fd/%d", in);
    bytes = readlink(link, folder, sizeof folder - 1);
  }
  if (bytes < 0) return strdup(path);
  folder[bytes] = '\0';
  char* name;
  return asprintf(&name, "%s/%s", folder, path) < 0 ? nullptr : name;
}

OldFile* read_file(char* name, size_t bytes) {
  auto* old = static_cast<OldFile*>(malloc(sizeof(OldFile) + bytes));
  if (old == nullptr) fatal("no memory for %zu bytes of a file", bytes);
  int descriptor = open(name, O_RDONLY | O_CLOEXEC);
  ssize_t got = descriptor < 0 ? 0 : read(descriptor, old->data, bytes);
  if (descriptor >= 0) close(descriptor);
  old->bytes = got < 0 ? 0 : static_cast<size_t>(got);
  old->name = name;
  return old;
}

// Whether a rollback of this region removes it, whatever it contains.
bool is_removed(const char* name) {
  auto& actions = this_thread.actions;
  for (size_t i = actions.size(); i > this_thread.regions.back().actions; i--)
    if (const Action& each = actions[i - 1]; each.run == remove_file)
      if (strcmp(static_cast<char*>(each.argument), name) == 0) return true;
  return false;
}

// What truncating it would lose; null if a rollback needs none of it.
OldFile* contents_of(int in, const char* path, const struct stat& file) {
  if (!S_ISREG(file.st_mode) || file.st_size == 0) return nullptr;
  char* name = full_name(in, path);
  if (name != nullptr && !is_removed(name))
    return read_file(name, static_cast<size_t>(file.st_size));
  free(name);
  return nullptr;
}

int open_undoably(int in, const char* path, int flags, mode_t mode) {
  const bool writes = (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC);
  if (!in_region() || !writes) return opened(openat(in, path, flags, mode));
  allow_external("open");
  struct stat before;
  const bool there = fstatat(in, path, &before, 0) == 0;
  OldFile* old = there && flags & O_TRUNC ? contents_of(in, path, before) : nullptr;
  int descriptor = openat(in, path, flags, mode);
  if (old != nullptr && descriptor < 0) release_old(old);
  if (old != nullptr && descriptor >= 0) {
    on_rollback(fill_file, old);
    on_commit(release_old, old);
  }
  const bool created = !there && flags & O_CREAT && (flags & O_TMPFILE) != O_TMPFILE;
  if (descriptor >= 0 && created) on_rollback_only(remove_file, full_name(in, path));
  opened(descriptor);
  if (Noted* known = descriptor < 0 ? nullptr : find_noted(key_of(descriptor)))
    known->created = !there;
  return descriptor;
}

ssize_t read_logged(int from, void* to, size_t room, off_t at) {
  auto* mark = static_cast<std::byte*>(__belay_log_top);
  log_bytes(to, room);
  if (at < 0) note_offset(from);
  ssize_t got = at < 0 ? read(from, to, room) : pread(from, to, room, at);
  shorten_log(mark, got < 0 ? 0 : static_cast<size_t>(got));
  return got;
}

bool is_output(int descriptor) {
  return descriptor == STDOUT_FILENO || descriptor == STDERR_FILENO;
}

ssize_t write_noted(int to, const void* data, size_t bytes, off_t at, const char* call) {
  if (is_output(to) && is_deferred(call)) {
    put_raw_output(to, static_cast<const char*>(data), bytes);
    return static_cast<ssize_t>(bytes);
  }
  allow_external(call);
  if (!is_output(to)) note_contents(to, at, bytes);
  return at < 0 ? write(to, data, bytes) : pwrite(to, data, bytes, at);
}

mode_t mode_of(int flags, va_list& arguments) {
  return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

#define BELAY_OPEN(name, name_at)                                    \
  EFFECT(int, name, (const char* path, int flags, ...)) {            \
    va_list arguments;                                               \
    va_start(arguments, flags);                                      \
    mode_t mode = mode_of(flags, arguments);                         \
    va_end(arguments);                                               \
    return open_undoably(AT_FDCWD, path, flags | O_LARGEFILE, mode); \
  }                                                                  \
  EFFECT(int, name_at, (int in, const char* path, int flags, ...)) { \
    va_list arguments;                                               \
    va_start(arguments, flags);                                      \
    mode_t mode = mode_of(flags, arguments);                         \
    va_end(arguments);                                               \
    return open_undoably(in, path, flags | O_LARGEFILE, mode);       \
  }
BELAY_OPEN(open, openat)
BELAY_OPEN(open64, openat64)
EFFECT(int, __open_2, (const char* path, int flags)) {
  return open_undoably(AT_FDCWD, path, flags, 0);
}
EFFECT(int, __open64_2, (const char* path, int flags)) { return fx___open_2(path, flags); }
EFFECT(int, __openat_2, (int in, const char* path, int flags)) {
  return open_undoably(in, path, flags, 0);
}
EFFECT(int, creat, (const char* path, mode_t mode)) {
  return open_undoably(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
EFFECT(int, creat64, (const char* path, mode_t mode)) { return fx_creat(path, mode); }
EFFECT(int, close, (int descriptor)) {
  if (!in_region() || !is_output(descriptor)) return close_undoably(descriptor);
  if (fcntl(descriptor, F_GETFD) < 0) return -1;
  // What waits for it is written by the commit, before this.
  on_commit([](void* each) { close(static_cast<int>(reinterpret_cast<intptr_t>(each))); },
            reinterpret_cast<void*>(intptr_t{descriptor}));
  return 0;
}

EFFECT(int, dup3, (int from, int to, int flags)) {
  if (from == to || fcntl(from, F_GETFD) < 0) return dup3(from, to, flags);
  if (is_output(to)) write_output_early();
  if (fcntl(to, F_GETFD) >= 0) close_undoably(to);
  return opened(dup3(from, to, flags));
}
EFFECT(int, dup2, (int from, int to)) {
  if (from == to || fcntl(from, F_GETFD) < 0) return dup2(from, to);
  return fx_dup3(from, to, 0);
}
EFFECT(int, pipe2, (int ends[2], int flags)) {
  log_bytes(ends, 2 * sizeof *ends);
  int result = pipe2(ends, flags);
  if (result == 0) opened(ends[0]), opened(ends[1]);
  return result;
}
EFFECT(int, pipe, (int ends[2])) { return fx_pipe2(ends, 0); }
EFFECT(int, socketpair, (int domain, int type, int protocol, int ends[2])) {
  log_bytes(ends, 2 * sizeof *ends);
  int result = socketpair(domain, type, protocol, ends);
  if (result == 0) opened(ends[0]), opened(ends[1]);
  return result;
}

EFFECT(off_t, lseek, (int of, off_t at, int from)) {
  note_offset(of);
  return lseek(of, at, from);
}
EFFECT(off64_t, lseek64, (int of, off64_t at, int from)) { return fx_lseek(of, at, from); }

EFFECT(ssize_t, read, (int from, void* to, size_t room)) { return read_logged(from, to, room, -1); }
EFFECT(ssize_t, __read_chk, (int from, void* to, size_t room, size_t all)) {
  check_room(room, all);
  return read_logged(from, to, room, -1);
}
EFFECT(ssize_t, pread, (int from, void* to, size_t room, off_t at)) {
  if (at < 0) return pread(from, to, room, at);  // it says EINVAL
  return read_logged(from, to, room, at);
}
EFFECT(ssize_t, pread64, (int from, void* to, size_t room, off64_t at)) {
  return fx_pread(from, to, room, at);
}
EFFECT(ssize_t, __pread_chk, (int from, void* to, size_t room, off_t at, size_t all)) {
  check_room(room, all);
  return fx_pread(from, to, room, at);
}
EFFECT(ssize_t, __pread64_chk, (int from, void* to, size_t room, off64_t at, size_t all)) {
  return fx___pread_chk(from, to, room, at, all);
}
EFFECT(ssize_t, readv, (int from, const iovec* to, int count)) {
  for (int i = 0; i < count; i++) log_bytes(to[i].iov_base, to[i].iov_len);
  note_offset(from);
  return readv(from, to, count);
}

EFFECT(ssize_t, write, (int to, const void* data, size_t bytes)) {
  return write_noted(to, data, bytes, -1, "write");
}
EFFECT(ssize_t, pwrite, (int to, const void* data, size_t bytes, off_t at)) {
  if (at < 0) return pwrite(to, data, bytes, at);
  return write_noted(to, data, bytes, at, "pwrite");
}
EFFECT(ssize_t, pwrite64, (int to, const void* data, size_t bytes, off64_t at)) {
  return fx_pwrite(to, data, bytes, at);
}
EFFECT(ssize_t, writev, (int to, const iovec* from, int count)) {
  ssize_t all = 0;
  for (int i = 0; i < count; i++) {
    ssize_t written = write_noted(to, from[i].iov_base, from[i].iov_len, -1, "writev");
    if (written < 0) return all > 0 ? all : written;
    all += written;
    if (static_cast<size_t>(written) < from[i].iov_len) break;
  }
  return all;
}
EFFECT(int, ftruncate, (int of, off_t size)) {
  allow_external("ftruncate");
  struct stat now;
  if (in_region() && fstat(of, &now) == 0 && size < now.st_size)
    note_contents(of, size, static_cast<size_t>(now.st_size - size));
  else
    note_contents(of, size, 0);
  return ftruncate(of, size);
}
EFFECT(int, ftruncate64, (int of, off64_t size)) { return fx_ftruncate(of, size); }

namespace {

struct Flags {
  int of, set, value;
};

void set_flags(void* argument) {
  auto* flags = static_cast<Flags*>(argument);
  fcntl(flags->of, flags->set, flags->value);
  free(flags);
}

void note_flags(int of, int get, int set) {
  if (!in_region()) return;
  auto* flags = static_cast<Flags*>(malloc(sizeof(Flags)));
  if (flags == nullptr) fatal("no memory for the flags of a descriptor");
  *flags = {of, set, fcntl(of, get)};
  on_rollback_only(set_flags, flags);
}

int control(int of, int what, void* argument) {
  switch (what) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      return opened(fcntl(of, what, argument));
    case F_SETFL:
      note_flags(of, F_GETFL, F_SETFL);
      break;
    case F_SETFD:
      note_flags(of, F_GETFD, F_SETFD);
      break;
    case F_GETLK:
    case F_OFD_GETLK:
      log_bytes(argument, sizeof(struct flock));
      break;
    default:
      break;  // locks on files stay
  }
  return fcntl(of, what, argument);
}

// What a request writes through its argument; -1 for those that are not known.
ssize_t written_by(unsigned long request) {
  switch (request) {
    case TIOCGWINSZ:
      return sizeof(winsize);
    case FIONREAD:
    case TIOCGPGRP:
    case TIOCOUTQ:
      return sizeof(int);
    case TCGETS:
      return sizeof(termios);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
    case TIOCSWINSZ:
    case TIOCSPGRP:
    case FIONBIO:
    case FIOCLEX:
    case FIONCLEX:
    case TCFLSH:
    case TCXONC:
      return 0;
    default:  // Linux's later ones say it themselves
      return _IOC_TYPE(request) == 'T' || _IOC_TYPE(request) == 0 ? -1
             : _IOC_DIR(request) & _IOC_READ                      ? ssize_t(_IOC_SIZE(request))
                                                                  : 0;
  }
}

}  // namespace

EFFECT(int, fcntl, (int of, int what, ...)) {
  va_list arguments;
  va_start(arguments, what);
  auto* argument = va_arg(arguments, void*);
  va_end(arguments);
  return control(of, what, argument);
}
EFFECT(int, fcntl64, (int of, int what, ...)) {
  va_list arguments;
  va_start(arguments, what);
  auto* argument = va_arg(arguments, void*);
  va_end(arguments);
  return control(of, what, argument);
}
EFFECT(int, ioctl, (int of, unsigned long request, ...)) {
  va_list arguments;
  va_start(arguments, request);
  auto* argument = va_arg(arguments, void*);
  va_end(arguments);
  ssize_t bytes = written_by(request);
  if (bytes < 0) fatal("ioctl(%d, %zu) in a region: what it writes is not known", of, request);
  if (bytes > 0 && argument != nullptr) log_bytes(argument, static_cast<size_t>(bytes));
  return ioctl(of, request, argument);
}
namespace {

// A new file of that name, which a rollback removes, whatever it contains.
int made(int descriptor, const char* name) {
  if (descriptor < 0 || !in_region()) return descriptor;
  on_rollback_only(remove_file, full_name(AT_FDCWD, name));
  opened(descriptor);
  find_noted(key_of(descriptor))->created = true;
  return descriptor;
}

}  // namespace

EFFECT(int, mkostemp, (char* name, int flags)) {
  log_bytes(name, strlen(name));
  return made(mkostemp(name, flags), name);
}
EFFECT(int, mkstemp, (char* name)) { return fx_mkostemp(name, 0); }
EFFECT(int, mkstemp64, (char* name)) { return fx_mkostemp(name, 0); }
EFFECT(int, mkstemps, (char* name, int suffix)) {
  log_bytes(name, strlen(name));
  return made(mkstemps(name, suffix), name);
}
EFFECT(int, mkostemps, (char* name, int suffix, int flags)) {
  log_bytes(name, strlen(name));
  return made(mkostemps(name, suffix, flags), name);
}
EFFECT(int, mkostemp64, (char* name, int flags)) { return fx_mkostemp(name, flags); }
EFFECT(int, mkstemps64, (char* name, int suffix)) { return fx_mkstemps(name, suffix); }
EFFECT(char*, mkdtemp, (char* name)) {
  allow_external("mkdtemp");
  log_bytes(name, strlen(name));
  return mkdtemp(name);
}
