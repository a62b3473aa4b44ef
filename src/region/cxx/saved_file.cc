#include "region/cxx/saved_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "region/cxx/effect.h"

namespace belay::region {

namespace {

// What to write where. Memory that no region notes: from malloc itself.
struct Note {
  int descriptor;
  off_t offset, size;  // of the file's offset, and its length
  char* name;          // instead of the descriptor
  size_t bytes;
  char data[];
};

Note* make_note(size_t bytes) {
  void* room = malloc(sizeof(Note) + bytes);
  if (room == nullptr) abort();  // nothing could be undone
  auto* note = new (room) Note{};
  note->bytes = bytes;
  return note;
}

bool write_all(int descriptor, const char* data, size_t bytes) {
  while (bytes > 0) {
    ssize_t written = write(descriptor, data, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    data += written;
    bytes -= static_cast<size_t>(written);
  }
  return true;
}

void remove_file(void* argument) {
  auto* note = static_cast<Note*>(argument);
  unlink(note->data);
  free(note);
}

void write_again(void* argument) {
  auto* note = static_cast<Note*>(argument);
  int descriptor = open(note->name, O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (descriptor >= 0) {
    write_all(descriptor, note->data, note->bytes);
    close(descriptor);
  }
  free(note->name);
  free(note);
}

void seek_back(void* argument) {
  auto* note = static_cast<Note*>(argument);
  lseek(note->descriptor, note->offset, SEEK_SET);
  free(note);
}

void overwrite_again(void* argument) {
  auto* note = static_cast<Note*>(argument);
  size_t done = 0;
  while (done < note->bytes) {
    ssize_t written = pwrite(note->descriptor, note->data + done, note->bytes - done,
                             note->offset + static_cast<off_t>(done));
    if (written <= 0) break;
    done += static_cast<size_t>(written);
  }
  if (ftruncate(note->descriptor, note->size) != 0) {
  }
  free(note);
}

void write_now(void* argument) {
  auto* note = static_cast<Note*>(argument);
  write_all(note->descriptor, note->data, note->bytes);
  free(note);
}

// Whichever comes gives the note up.
void undo_by(void (*run)(void*), Note* note) {
  belay_on_commit(free, note);
  belay_on_rollback(run, note);
}

// Before `bytes` are written at the descriptor's offset, or appended.
void note_contents(int descriptor, off_t size, size_t bytes) {
  const bool appends = (fcntl(descriptor, F_GETFL) & O_APPEND) != 0;
  const off_t at = appends ? size : lseek(descriptor, 0, SEEK_CUR);
  const off_t left = at < size ? size - at : 0;
  const size_t old = left < static_cast<off_t>(bytes) ? static_cast<size_t>(left) : bytes;
  Note* note = make_note(old);
  note->descriptor = descriptor;
  note->offset = at;
  note->size = size;
  // A descriptor that may not be read: by another one of the same file.
  if (old > 0 && pread(descriptor, note->data, old, at) < 0) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int again = open(path, O_RDONLY | O_CLOEXEC);
    if (again < 0 || pread(again, note->data, old, at) < 0) note->bytes = 0;
    if (again >= 0) close(again);
  }
  undo_by(overwrite_again, note);
}

// Null if it can't be read as a whole.
Note* read_file(const char* name, size_t bytes) {
  int descriptor = open(name, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return nullptr;
  Note* note = make_note(bytes);
  ssize_t got = read(descriptor, note->data, bytes);
  close(descriptor);
  if (got != static_cast<ssize_t>(bytes)) {
    free(note);
    return nullptr;
  }
  return note;
}

}  // namespace

void save_file(const char* name, bool truncates) {
  if (!in_region()) return;
  const int saved = errno;
  struct stat info;
  if (stat(name, &info) != 0) {
    const size_t bytes = strlen(name) + 1;
    Note* note = make_note(bytes);
    memcpy(note->data, name, bytes);
    undo_by(remove_file, note);
  } else if (truncates && S_ISREG(info.st_mode) && info.st_size > 0) {
    if (Note* note = read_file(name, static_cast<size_t>(info.st_size))) {
      note->name = strdup(name);
      undo_by(write_again, note);
    }
  }
  errno = saved;
}

void keep_offset(int descriptor) {
  if (!in_region()) return;
  const off_t at = lseek(descriptor, 0, SEEK_CUR);
  if (at < 0) return;
  Note* note = make_note(0);
  note->descriptor = descriptor;
  note->offset = at;
  undo_by(seek_back, note);
}

bool write_undoably(int descriptor, const char* data, size_t bytes) {
  struct stat info;
  if (!in_region() || bytes == 0) return write_all(descriptor, data, bytes);
  if (fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode)) {
    keep_offset(descriptor);
    note_contents(descriptor, info.st_size, bytes);
    return write_all(descriptor, data, bytes);
  }
  Note* note = make_note(bytes);
  note->descriptor = descriptor;
  memcpy(note->data, data, bytes);
  belay_on_rollback(free, note);
  belay_on_commit(write_now, note);
  return true;
}

}  // namespace belay::region
