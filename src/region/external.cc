#include "region/external.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "region/actions.h"
#include "region/output.h"
#include "region/settings.h"
#include "region/thread_state.h"

namespace belay::region {

namespace {

struct Note {
  int descriptor, saved;  // `saved` is another one of the same file
  off_t offset, size;
  size_t bytes;
  char data[];
};

Note* make_note(int descriptor, size_t bytes) {
  auto* note = static_cast<Note*>(malloc(sizeof(Note) + bytes));
  if (note == nullptr) fatal("no memory for %zu bytes of a file", bytes);
  *note = {};
  note->descriptor = descriptor;
  note->bytes = bytes;
  return note;
}

void close_again(void* argument) {
  auto descriptor = static_cast<int>(reinterpret_cast<intptr_t>(argument));
  close(descriptor);
}

void seek_back(void* argument) {
  auto* note = static_cast<Note*>(argument);
  lseek(note->descriptor, note->offset, SEEK_SET);
  free(note);
}

void write_back(void* argument) {
  auto* note = static_cast<Note*>(argument);
  if (note->bytes > 0 &&
      pwrite(note->descriptor, note->data, note->bytes, note->offset) != ssize_t(note->bytes))
    report("a file keeps what a region has written: %s", strerror(errno));
  struct stat now;
  if (fstat(note->descriptor, &now) == 0 && now.st_size != note->size &&
      ftruncate(note->descriptor, note->size) != 0)
    report("a file keeps its new size: %s", strerror(errno));
  free(note);
}

void reopen(void* argument) {
  auto* note = static_cast<Note*>(argument);
  dup2(note->saved, note->descriptor);
  if (note->size != 0) fcntl(note->descriptor, F_SETFD, FD_CLOEXEC);
  close(note->saved);
  free(note);
}

void close_saved(void* argument) {
  auto* note = static_cast<Note*>(argument);
  close(note->saved);
  free(note);
}

// Through another descriptor if this one is for writing only.
size_t read_old(int descriptor, char* to, size_t bytes, off_t at) {
  ssize_t got = pread(descriptor, to, bytes, at);
  if (got >= 0) return static_cast<size_t>(got);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  int again = open(path, O_RDONLY | O_CLOEXEC);
  if (again < 0) return 0;
  got = pread(again, to, bytes, at);
  close(again);
  return got < 0 ? 0 : static_cast<size_t>(got);
}

// Direct-mapped: what is forgotten is noted again.
constexpr size_t kNotedCount = 1024;
thread_local BELAY_TLS Noted* noted;

Noted& slot_of(const void* key) {
  if (noted == nullptr) {
    noted = reinterpret_cast<Noted*>(reserve(kNotedCount * sizeof(Noted)));
    if (noted == nullptr) fatal("no memory for %zu bytes", kNotedCount * sizeof(Noted));
  }
  auto number = reinterpret_cast<uint64_t>(key);
  return noted[number * 0x9e3779b97f4a7c15u >> 54];
}

}  // namespace

void close_noted() {
  if (noted != nullptr) release(reinterpret_cast<std::byte*>(noted), kNotedCount * sizeof(Noted));
  noted = nullptr;
}

void allow_external(const char* call) {
  if (!in_region() || settings().output != CKPT_OUTPUT_REFUSE) return;
  report("%s() in a region: its effect stays, and is refused (BELAY_CKPT_OUTPUT=defer or allow)",
         call);
  report_callers();
  abort();
}

void allow_process(const char* call) {
  allow_external(call);
  write_output_early();
}

Noted* find_noted(const void* key) {
  Noted& slot = slot_of(key);
  return slot.key == key && slot.epoch == this_thread.hash_epoch ? &slot : nullptr;
}

Noted* add_noted(const void* key) {
  Noted& slot = slot_of(key);
  slot = {key, this_thread.hash_epoch, -1, false, false, false};
  return &slot;
}

void forget_noted(const void* key) {
  if (Noted& slot = slot_of(key); slot.key == key) slot = {};
}

int opened(int descriptor) {
  if (descriptor < 0 || !in_region()) return descriptor;
  add_noted(key_of(descriptor));  // closing it undoes what else there is
  on_rollback(close_again, reinterpret_cast<void*>(intptr_t{descriptor}));
  return descriptor;
}

void note_offset(int descriptor) {
  if (!in_region() || descriptor < 0 || find_noted(key_of(descriptor)) != nullptr) return;
  const int saved_errno = errno;
  add_noted(key_of(descriptor));
  const off_t at = lseek(descriptor, 0, SEEK_CUR);
  errno = saved_errno;
  if (at < 0) return;
  Note* note = make_note(descriptor, 0);
  note->offset = at;
  on_rollback_only(seek_back, note);
}

void note_contents(int descriptor, off_t at, size_t bytes) {
  if (!in_region() || descriptor < 0) return;
  note_offset(descriptor);
  const int saved_errno = errno;
  struct stat now;
  Noted* known = find_noted(key_of(descriptor));
  if (!known->created && fstat(descriptor, &now) == 0 && S_ISREG(now.st_mode)) {
    if (fcntl(descriptor, F_GETFL) & O_APPEND) at = now.st_size;
    if (at < 0) at = lseek(descriptor, 0, SEEK_CUR);
    const bool sized = known->size >= 0;
    // What is behind the size that has been noted goes by cutting it off.
    const off_t end = sized && known->size < now.st_size ? known->size : now.st_size;
    const off_t left = at < end ? end - at : 0;
    const size_t old = left < off_t(bytes) ? static_cast<size_t>(left) : bytes;
    if (!sized || old > 0) {
      Note* note = make_note(descriptor, old);
      note->offset = at;
      note->size = now.st_size;
      note->bytes = read_old(descriptor, note->data, old, at);
      on_rollback_only(write_back, note);
      if (!sized) known->size = now.st_size;
    }
  }
  errno = saved_errno;
}

int close_undoably(int descriptor) {
  if (!in_region()) return close(descriptor);
  const Noted* known = find_noted(key_of(descriptor));
  const bool writes_back = known == nullptr || known->size >= 0;
  forget_noted(key_of(descriptor));
  auto* argument = reinterpret_cast<void*>(intptr_t{descriptor});
  if (!writes_back && cancel_action(close_again, argument)) return close(descriptor);
  const int saved = fcntl(descriptor, F_DUPFD_CLOEXEC, 256);
  if (saved < 0) return close(descriptor);
  Note* note = make_note(descriptor, 0);
  note->saved = saved;
  note->size = fcntl(descriptor, F_GETFD) & FD_CLOEXEC;
  on_rollback(reopen, note);
  on_commit(close_saved, note);
  return close(descriptor);
}

}  // namespace belay::region
