// The streams that a region uses: note, open, close. It knows glibc's FILE.
#include "region/streams.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "region/actions.h"
#include "region/effect.h"
#include "region/external.h"
#include "region/output.h"
#include "region/undo.h"

extern "C" void _IO_doallocbuf(FILE*);

namespace belay::region {

namespace {

constexpr int kUserBuffer = 1;  // in _flags: the buffer is not the stream's own

bool is_seekable(FILE* stream) {
  const int saved_errno = errno;
  const bool result = stream->_fileno >= 0 && lseek(stream->_fileno, 0, SEEK_CUR) >= 0;
  errno = saved_errno;
  return result;
}

bool is_writing(const FILE* stream) { return stream->_IO_write_ptr > stream->_IO_write_base; }

void close_stream(void* stream) { fclose(static_cast<FILE*>(stream)); }
// The region was told that all is written.
void close_output(void* stream) {
  if (fclose(static_cast<FILE*>(stream)) != 0) output_failed();
}
void close_pipe(void* stream) { pclose(static_cast<FILE*>(stream)); }

// The descriptor belongs to somebody else.
void forget_stream(void* argument) {
  auto* stream = static_cast<FILE*>(argument);
  stream->_fileno = -1;
  fclose(stream);
}

FILE* opened_stream(FILE* stream, void (*undo)(void*)) {
  if (stream == nullptr || !in_region()) return stream;
  Noted* known = add_noted(stream);
  known->opened_here = true;
  on_rollback(undo, stream);
  return stream;
}

// Its memory ends. What a region has opened is in the log only if an inner region has used it.
void forget_memory(FILE* stream) {
  const Noted* known = find_noted(stream);
  const bool logged = known == nullptr || !known->opened_here;
  auto* top = static_cast<std::byte*>(__belay_log_top);
  if (logged) spare(this_thread.log_base, top, stream, sizeof *stream);
  if (logged && stream->_IO_buf_base != nullptr)
    spare(this_thread.log_base, top, stream->_IO_buf_base,
          static_cast<size_t>(stream->_IO_buf_end - stream->_IO_buf_base));
  forget_noted(stream);
}

// A stream of open_memstream().
struct Text {
  FILE* stream;
  char** to;
  size_t* bytes;
};

// Closing it writes where the caller wants the text. After a rollback that may be anybody's memory,
// so that its pointers, which are neighbours in glibc's stream, are changed before.
void close_text(void* argument) {
  auto* text = static_cast<Text*>(argument);
  const void* wanted[] = {text->to, text->bytes};
  char* own_text = nullptr;
  size_t own_bytes = 0;
  const void* own[] = {&own_text, &own_bytes};
  void* found = memmem(text->stream, malloc_usable_size(text->stream), wanted, sizeof wanted);
  if (found != nullptr) {
    memcpy(found, own, sizeof own);
    fclose(text->stream);
    free(own_text);
  }
  free(text);
}

// How this region's rollback would close a stream without a descriptor; null if it was open before.
const Action* closing_of(FILE* stream) {
  auto& actions = this_thread.actions;
  for (size_t i = actions.size(); i > this_thread.regions.back().actions; i--) {
    const Action& each = actions[i - 1];
    if (each.run == close_stream && each.argument == stream) return &each;
    if (each.run == close_text && static_cast<Text*>(each.argument)->stream == stream) return &each;
  }
  return nullptr;
}

// A function that takes the buffer away would free it, which a rollback may need.
void keep_buffer(FILE* stream) {
  if (!in_region() || stream->_IO_buf_base == nullptr || stream->_flags & kUserBuffer) return;
  note_stream(stream);
  on_commit(free, stream->_IO_buf_base);
  stream->_flags |= kUserBuffer;
}

}  // namespace

void note_stream(FILE* stream) {
  if (!in_region() || find_noted(stream) != nullptr) return;
  const int saved_errno = errno;
  if (stream->_fileno < 0) {
    if (closing_of(stream) != nullptr) {
      add_noted(stream)->opened_here = true;
      return;
    }
    report("a stream without a descriptor (open_memstream, fmemopen, fopencookie) that was opened");
    fatal("before this region is used in it: what its functions write would not be undone");
  }
  const bool seekable = is_seekable(stream);
  // What another process reads can't be taken back, so it is not written twice either.
  if (is_writing(stream) && !seekable && stream->_fileno >= 0) fflush(stream);
  log_bytes(stream, sizeof *stream);
  if (stream->_IO_buf_base == nullptr) {
    _IO_doallocbuf(stream);
    if (!(stream->_flags & kUserBuffer)) on_rollback(free, stream->_IO_buf_base);
  } else {
    log_bytes(stream->_IO_buf_base,
              static_cast<size_t>(stream->_IO_buf_end - stream->_IO_buf_base));
  }
  add_noted(stream)->defers = !seekable;
  // A buffer may be written whenever it is full.
  if (seekable) note_contents(stream->_fileno, -1, 0);
  errno = saved_errno;
}

bool defers(FILE* stream) {
  if (stream == stdout || stream == stderr) return true;
  note_stream(stream);
  const Noted* known = find_noted(stream);
  return known != nullptr && known->defers;
}

}  // namespace belay::region

using namespace belay::region;

namespace {

bool is_for_writing(const char* mode) {
  for (; *mode != '\0' && *mode != ','; mode++)
    if (*mode == 'w' || *mode == 'a' || *mode == '+') return true;
  return false;
}

}  // namespace

extern "C" int open_ckpt(const char* path, int flags, ...) __asm__("open.ckpt");

// By the clone of open(), which notes what becomes of the file.
EFFECT(FILE*, fopen, (const char* path, const char* mode)) {
  if (!in_region() || !is_for_writing(mode)) return opened_stream(fopen(path, mode), close_stream);
  int flags = mode[0] == 'r' ? 0 : O_CREAT | (mode[0] == 'w' ? O_TRUNC : O_APPEND);
  bool both = false;
  for (const char* each = mode + 1; *each != '\0' && *each != ','; each++) {
    both |= *each == '+';
    flags |= *each == 'x' ? O_EXCL : *each == 'e' ? O_CLOEXEC : 0;
  }
  flags |= both ? O_RDWR : O_WRONLY;
  int descriptor = open_ckpt(path, flags, 0666);
  if (descriptor < 0) return nullptr;
  FILE* stream = fdopen(descriptor, mode);
  if (stream == nullptr) close_undoably(descriptor);
  return opened_stream(stream, forget_stream);
}
EFFECT(FILE*, fopen64, (const char* path, const char* mode)) { return fx_fopen(path, mode); }
EFFECT(FILE*, fdopen, (int descriptor, const char* mode)) {
  return opened_stream(fdopen(descriptor, mode), forget_stream);
}
EFFECT(FILE*, tmpfile, ()) { return opened_stream(tmpfile(), close_stream); }
EFFECT(FILE*, tmpfile64, ()) { return opened_stream(tmpfile(), close_stream); }
EFFECT(FILE*, fmemopen, (void* to, size_t bytes, const char* mode)) {
  if (to != nullptr && is_for_writing(mode)) log_bytes(to, bytes);
  return opened_stream(fmemopen(to, bytes, mode), close_stream);
}
EFFECT(FILE*, open_memstream, (char** to, size_t* bytes)) {
  if (!in_region()) return open_memstream(to, bytes);
  log_bytes(to, sizeof *to);
  log_bytes(bytes, sizeof *bytes);
  auto* text = static_cast<Text*>(malloc(sizeof(Text)));
  if (text == nullptr) return nullptr;
  *text = {open_memstream(to, bytes), to, bytes};
  if (text->stream == nullptr) {
    free(text);
    return nullptr;
  }
  add_noted(text->stream)->opened_here = true;
  on_rollback(close_text, text);
  on_commit(free, text);
  return text->stream;
}
EFFECT(FILE*, popen, (const char* command, const char* mode)) {
  allow_process("popen");
  return opened_stream(popen(command, mode), close_pipe);
}
EFFECT(int, pclose, (FILE * stream)) {
  if (in_region()) {
    write_output_early();
    cancel_action(close_pipe, stream);
    forget_memory(stream);
  }
  return pclose(stream);
}

namespace {

// From now on the text is a block of the caller's.
int end_text(FILE* stream, Text* text) {
  cancel_action(close_text, text);
  forget_memory(stream);
  const int result = fclose(stream);
  born_by_malloc(*text->to);
  return result;
}

}  // namespace

// What it has buffered is written at once, so that a reader finds it; the stream itself ends at the
// commit, with another descriptor of the same file.
EFFECT(int, fclose, (FILE * stream)) {
  if (!in_region()) return fclose(stream);
  if (stream == stdout || stream == stderr) {
    on_commit(close_output, stream);
    return 0;
  }
  note_stream(stream);
  if (stream->_fileno < 0)
    if (const Action* closing = closing_of(stream); closing && closing->run == close_text)
      return end_text(stream, static_cast<Text*>(closing->argument));
  const Noted* known = find_noted(stream);
  const int result = fflush(stream);
  const int descriptor = stream->_fileno;
  if (known != nullptr && known->opened_here) {
    if (cancel_action(close_stream, stream)) {  // of a file that is read, or has no name
      forget_memory(stream);
      return fclose(stream);
    }
    if (cancel_action(forget_stream, stream)) {
      forget_memory(stream);
      forget_stream(stream);
      return close_undoably(descriptor) == 0 ? result : EOF;
    }
  }
  if (descriptor >= 0) {
    stream->_fileno = -1;
    close_undoably(descriptor);
  }
  on_commit(close_stream, stream);
  return result;
}

EFFECT(int, setvbuf, (FILE * stream, char* buffer, int mode, size_t bytes)) {
  if (in_region()) {
    if (stream == stdout || stream == stderr) return 0;  // nothing of it is to be seen before
    note_stream(stream);
    keep_buffer(stream);
    if (buffer != nullptr) log_bytes(buffer, bytes);
  }
  return setvbuf(stream, buffer, mode, bytes);
}
EFFECT(void, setbuf, (FILE * stream, char* buffer)) {
  fx_setvbuf(stream, buffer, buffer != nullptr ? _IOFBF : _IONBF, BUFSIZ);
}
EFFECT(void, setbuffer, (FILE * stream, char* buffer, size_t bytes)) {
  fx_setvbuf(stream, buffer, buffer != nullptr ? _IOFBF : _IONBF, bytes);
}
EFFECT(void, setlinebuf, (FILE * stream)) { fx_setvbuf(stream, nullptr, _IOLBF, 0); }

// Only of what another file takes the place of: stdin, mostly.
EFFECT(FILE*, freopen, (const char* path, const char* mode, FILE* stream)) {
  if (!in_region()) return freopen(path, mode, stream);
  if (path == nullptr) fatal("freopen() without a name in a region");
  if (stream == stdout || stream == stderr) write_output_early();
  note_stream(stream);
  keep_buffer(stream);
  fflush(stream);
  const int descriptor = stream->_fileno, saved = dup(descriptor);
  if (saved < 0) return freopen(path, mode, stream);
  // freopen() closes the descriptor itself: it is closed here first, so that it can be undone.
  close_undoably(descriptor);
  dup2(saved, descriptor);
  close(saved);
  FILE* result = freopen(path, mode, stream);
  if (result != nullptr) opened(result->_fileno);
  return result;
}
EFFECT(FILE*, freopen64, (const char* path, const char* mode, FILE* stream)) {
  return fx_freopen(path, mode, stream);
}
