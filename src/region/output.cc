#include "region/output.h"

#include <cstdlib>
#include <cstring>

#include "region/settings.h"
#include "region/thread_state.h"

namespace belay::region {

namespace {

struct Piece {
  FILE* stream;
  size_t bytes;
};

bool is_deferred(const char* call) {
  if (!in_region()) return false;
  if (settings().output == CKPT_OUTPUT_REFUSE) {
    report("%s() in a region: output is refused (BELAY_CKPT_OUTPUT=defer or allow)", call);
    report_callers();
    abort();
  }
  return settings().output == CKPT_OUTPUT_DEFER;
}

// Room for `bytes` behind a header, which is all that waits; the caller fills it.
char* queue(FILE* stream, size_t bytes) {
  auto& output = this_thread.output;
  Piece piece = {stream, bytes};
  memcpy(output.grow(sizeof piece), &piece, sizeof piece);
  return output.grow(bytes);
}

}  // namespace

void put_output(FILE* stream, const char* data, size_t bytes, const char* call) {
  if (bytes == 0) return;
  if (is_deferred(call))
    memcpy(queue(stream, bytes), data, bytes);
  else
    fwrite(data, 1, bytes, stream);
}

int put_formatted(FILE* stream, const char* format, va_list arguments, const char* call) {
  if (!is_deferred(call)) return vfprintf(stream, format, arguments);
  va_list again;
  va_copy(again, arguments);
  int bytes = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (bytes > 0) {
    // vsnprintf wants room for a NUL, which is no output.
    char* room = queue(stream, static_cast<size_t>(bytes));
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
    fwrite(&output[at + sizeof piece], 1, piece.bytes, piece.stream);
    at += sizeof piece + piece.bytes;
  }
  output.truncate(0);
}

}  // namespace belay::region
