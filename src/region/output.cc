#include "region/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "region/settings.h"
#include "region/streams.h"
#include "region/thread_state.h"

namespace belay::region {

namespace {

constexpr int kNone = -1, kFlush = -2;

struct Piece {
  FILE* stream;    // or null,
  int descriptor;  // and this; kFlush: `stream` is to be flushed
  size_t bytes;
};

thread_local BELAY_TLS size_t last_piece, last_end;  // of what was queued last
thread_local BELAY_TLS bool failed;

// Room for `bytes` behind a header, which is all that waits; the caller fills it. Output of single
// characters makes one piece, as far as no region has begun in between.
char* queue(FILE* stream, int descriptor, size_t bytes) {
  auto& output = this_thread.output;
  Piece piece = {stream, descriptor, bytes};
  if (last_piece >= this_thread.regions.back().output_bytes && last_end == output.size() &&
      last_end > 0) {
    Piece last;
    memcpy(&last, &output[last_piece], sizeof last);
    if (last.stream == stream && last.descriptor == descriptor) {
      last.bytes += bytes;
      memcpy(&output[last_piece], &last, sizeof last);
      last_end += bytes;
      return output.grow(bytes);
    }
  }
  last_piece = output.size();
  last_end = last_piece + sizeof piece + bytes;
  memcpy(output.grow(sizeof piece), &piece, sizeof piece);
  return output.grow(bytes);
}

void write_raw(int descriptor, const char* data, size_t bytes) {
  while (bytes > 0) {
    ssize_t written = write(descriptor, data, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return output_failed();
    data += written;
    bytes -= static_cast<size_t>(written);
  }
}

}  // namespace

void output_failed() {
  if (!failed) report("what a region has printed could not be written: %s", strerror(errno));
  failed = true;
}

bool has_output_failed() { return failed; }

bool is_deferred(const char* call) {
  if (!in_region()) return false;
  if (settings().output == CKPT_OUTPUT_REFUSE) {
    report("%s() in a region: output is refused (BELAY_CKPT_OUTPUT=defer or allow)", call);
    report_callers();
    abort();
  }
  return settings().output == CKPT_OUTPUT_DEFER && !this_thread.regions.back().forked;
}

void put_output(FILE* stream, const char* data, size_t bytes, const char* call) {
  if (bytes == 0) return;
  if (is_deferred(call) && defers(stream))
    memcpy(queue(stream, kNone, bytes), data, bytes);
  else
    fwrite(data, 1, bytes, stream);
}

void put_raw_output(int descriptor, const char* data, size_t bytes) {
  if (bytes > 0) memcpy(queue(nullptr, descriptor, bytes), data, bytes);
}

void put_flush(FILE* stream) { queue(stream, kFlush, 0); }

void refuse_counts(const char* format) {
  if (!in_region()) return;
  for (const char* at = strchr(format, '%'); at != nullptr; at = strchr(at, '%')) {
    at++;
    at += strspn(at, "-+ #0123456789'I*$.hlLqjzt");
    if (*at == 'n')
      fatal("printf() with a conversion n in a region: its count would not be undone");
    if (*at != '\0') at++;
  }
}

int put_formatted(FILE* stream, const char* format, va_list arguments, const char* call) {
  refuse_counts(format);
  if (!is_deferred(call) || !defers(stream)) return vfprintf(stream, format, arguments);
  va_list again;
  va_copy(again, arguments);
  int bytes = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (bytes > 0) {
    // vsnprintf wants room for a NUL, which is no output.
    char* room = queue(stream, kNone, static_cast<size_t>(bytes));
    this_thread.output.grow(1);
    vsnprintf(room, static_cast<size_t>(bytes) + 1, format, arguments);
    this_thread.output.truncate(this_thread.output.size() - 1);
  }
  return bytes;
}

void write_output() {
  auto& output = this_thread.output;
  for (size_t at = 0; at < output.size();) {
    Piece piece;
    memcpy(&piece, &output[at], sizeof piece);
    const char* data = &output[at + sizeof piece];
    if (piece.descriptor == kFlush) {
      if (fflush(piece.stream) != 0) output_failed();
    } else if (piece.stream == nullptr)
      write_raw(piece.descriptor, data, piece.bytes);
    else if (fwrite(data, 1, piece.bytes, piece.stream) < piece.bytes)
      output_failed();
    at += sizeof piece + piece.bytes;
  }
  output.truncate(0);
}

void write_output_early() {
  write_output();
  for (Region& each : this_thread.regions) each.output_bytes = 0;
}

void note_fork() {
  for (Region& each : this_thread.regions) each.forked = true;
}

}  // namespace belay::region
