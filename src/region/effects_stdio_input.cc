// stdio.h: input and positions. The stream is noted, then libc does the rest.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "region/effect.h"
#include "region/heap_blocks.h"
#include "region/streams.h"

using namespace belay::region;

extern "C" {
int _IO_getc(FILE*);
int __uflow(FILE*);
int __overflow(FILE*, int);
}

#define BELAY_OF_STREAM(result, name, parameters, arguments) \
  EFFECT(result, name, parameters) {                         \
    note_stream(stream);                                     \
    return name arguments;                                   \
  }
BELAY_OF_STREAM(int, fgetc, (FILE * stream), (stream))
BELAY_OF_STREAM(int, getc, (FILE * stream), (stream))
BELAY_OF_STREAM(int, fgetc_unlocked, (FILE * stream), (stream))
BELAY_OF_STREAM(int, getc_unlocked, (FILE * stream), (stream))
BELAY_OF_STREAM(int, _IO_getc, (FILE * stream), (stream))
BELAY_OF_STREAM(int, __uflow, (FILE * stream), (stream))
BELAY_OF_STREAM(int, ungetc, (int byte, FILE* stream), (byte, stream))
BELAY_OF_STREAM(int, getw, (FILE * stream), (stream))
BELAY_OF_STREAM(void, clearerr, (FILE * stream), (stream))
BELAY_OF_STREAM(void, clearerr_unlocked, (FILE * stream), (stream))
EFFECT(int, getchar, ()) { return fx_fgetc(stdin); }
EFFECT(int, getchar_unlocked, ()) { return fx_fgetc_unlocked(stdin); }

// stdout's position is where it would be without the region: what waits does not count.
BELAY_OF_STREAM(int, fseek, (FILE * stream, long at, int from), (stream, at, from))
BELAY_OF_STREAM(int, fseeko, (FILE * stream, off_t at, int from), (stream, at, from))
BELAY_OF_STREAM(int, fseeko64, (FILE * stream, off64_t at, int from), (stream, at, from))
BELAY_OF_STREAM(long, ftell, (FILE * stream), (stream))
BELAY_OF_STREAM(off_t, ftello, (FILE * stream), (stream))
BELAY_OF_STREAM(off64_t, ftello64, (FILE * stream), (stream))
BELAY_OF_STREAM(void, rewind, (FILE * stream), (stream))
BELAY_OF_STREAM(int, fsetpos, (FILE * stream, const fpos_t* at), (stream, at))
BELAY_OF_STREAM(int, fsetpos64, (FILE * stream, const fpos64_t* at), (stream, at))
#undef BELAY_OF_STREAM
EFFECT(int, fgetpos, (FILE * stream, fpos_t* to)) {
  note_stream(stream);
  log_bytes(to, sizeof *to);
  return fgetpos(stream, to);
}
EFFECT(int, fgetpos64, (FILE * stream, fpos64_t* to)) {
  note_stream(stream);
  log_bytes(to, sizeof *to);
  return fgetpos64(stream, to);
}

// Whole buffers are logged, and then only as much of them as was read.
EFFECT(char*, fgets, (char* to, int room, FILE* stream)) {
  note_stream(stream);
  auto* mark = static_cast<std::byte*>(__belay_log_top);
  if (room > 0) log_bytes(to, static_cast<size_t>(room));
  char* result = fgets(to, room, stream);
  // At the end of a file nothing is written; after an error nobody knows how much.
  if (result != nullptr && memchr(to, '\0', static_cast<size_t>(room)) == to + strlen(to) &&
      strlen(to) > 0 && (to[strlen(to) - 1] == '\n' || feof(stream)))
    shorten_log(mark, strlen(to) + 1);
  return result;
}
EFFECT(char*, fgets_unlocked, (char* to, int room, FILE* stream)) {
  return fx_fgets(to, room, stream);
}
EFFECT(char*, __fgets_chk, (char* to, size_t all, int room, FILE* stream)) {
  if (room > 0) check_room(static_cast<size_t>(room), all);
  return fx_fgets(to, room, stream);
}
EFFECT(char*, __fgets_unlocked_chk, (char* to, size_t all, int room, FILE* stream)) {
  return fx___fgets_chk(to, all, room, stream);
}
EFFECT(size_t, fread, (void* to, size_t bytes, size_t count, FILE* stream)) {
  note_stream(stream);
  auto* mark = static_cast<std::byte*>(__belay_log_top);
  log_bytes(to, bytes * count);
  size_t got = fread(to, bytes, count, stream);
  // An incomplete last item has been written too.
  if (got < count) shorten_log(mark, bytes * (got + 1));
  return got;
}
EFFECT(size_t, fread_unlocked, (void* to, size_t bytes, size_t count, FILE* stream)) {
  return fx_fread(to, bytes, count, stream);
}
EFFECT(size_t, __fread_chk, (void* to, size_t all, size_t bytes, size_t count, FILE* stream)) {
  check_room(bytes * count, all);
  return fx_fread(to, bytes, count, stream);
}
EFFECT(size_t, __fread_unlocked_chk,
       (void* to, size_t all, size_t bytes, size_t count, FILE* stream)) {
  return fx___fread_chk(to, all, bytes, count, stream);
}

// Into a block of libc's own, whose bytes then go to the caller's.
EFFECT(ssize_t, getdelim, (char** line, size_t* room, int end, FILE* stream)) {
  note_stream(stream);
  char* text = nullptr;
  size_t text_room = 0;
  ssize_t bytes = getdelim(&text, &text_room, end, stream);
  const size_t needed = bytes < 0 ? 1 : static_cast<size_t>(bytes) + 1;
  if (*line == nullptr || *room < needed) {
    died(*line, Release::kFree);
    log_bytes(line, sizeof *line);
    log_bytes(room, sizeof *room);
    *line = static_cast<char*>(born_by_malloc(text));
    *room = text_room;
    return bytes;
  }
  if (bytes >= 0) {
    log_bytes(*line, needed);
    memcpy(*line, text, needed);
  }
  free(text);
  return bytes;
}
EFFECT(ssize_t, __getdelim, (char** line, size_t* room, int end, FILE* stream)) {
  return fx_getdelim(line, room, end, stream);
}
EFFECT(ssize_t, getline, (char** line, size_t* room, FILE* stream)) {
  return fx_getdelim(line, room, '\n', stream);
}
EFFECT(int, __overflow, (FILE * stream, int byte)) {
  if (in_region()) {
    note_stream(stream);
    if (stream == stdout || stream == stderr) return putc(byte, stream);
  }
  return __overflow(stream, byte);
}
