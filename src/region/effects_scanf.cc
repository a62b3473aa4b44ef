// scanf and its family. They write through pointers whose types the format says: libc scans into
// places of ours, text into blocks that it allocates (%ms), and then each result is logged and
// copied to the caller's place.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>

#include "region/effect.h"
#include "region/heap_blocks.h"
#include "region/streams.h"

using namespace belay::region;

namespace {

constexpr int kPlacesMax = 24;

struct Place {
  enum Kind { kNumber, kText, kWideText, kBytes, kAllocated, kCount } kind;
  size_t bytes;  // of a number, or of what %c reads
  void* to;
  union {
    long double number;
    void* text;
    unsigned char all[16];
  };
};

struct Scan {
  char format[2048];
  size_t format_bytes;
  int count;
  Place places[kPlacesMax];
};

void put(Scan& scan, const char* text, size_t bytes) {
  if (scan.format_bytes + bytes >= sizeof scan.format)
    fatal("a long format of scanf() in a region");
  memcpy(scan.format + scan.format_bytes, text, bytes);
  scan.format_bytes += bytes;
  scan.format[scan.format_bytes] = '\0';
}

const char* end_of_set(const char* at) {  // behind the ']' of %[...]
  at++;
  if (*at == '^') at++;
  if (*at == ']') at++;
  while (*at != '\0' && *at != ']') at++;
  return *at == '\0' ? at : at + 1;
}

size_t bytes_of_number(const char* modifier, size_t length, char conversion) {
  const bool real = strchr("aAeEfFgG", conversion) != nullptr;
  if (conversion == 'p') return sizeof(void*);
  if (length == 2) return modifier[0] == 'h' ? 1 : sizeof(long long);
  if (length == 0) return real ? sizeof(float) : sizeof(int);
  switch (modifier[0]) {
    case 'h':
      return sizeof(short);
    case 'L':
    case 'q':
      return real ? sizeof(long double) : sizeof(long long);
    case 'l':
      return real ? sizeof(double) : sizeof(long);
    default:  // j z t
      return sizeof(long);
  }
}

// Reads one conversion, behind its %, and writes ours. Returns what follows it.
const char* convert(Scan& scan, const char* at, va_list& arguments) {
  const char* begin = at;
  if (*at == '*') {
    while (*at != '\0' && strchr("*0123456789hljztLqm'I", *at) != nullptr) at++;
    at = *at == '[' ? end_of_set(at) : *at == '\0' ? at : at + 1;
    put(scan, begin - 1, static_cast<size_t>(at - begin) + 1);
    return at;
  }
  size_t width = strtoul(at, const_cast<char**>(&at), 10);
  if (*at == '$') fatal("scanf() with numbered arguments in a region");
  const char* width_end = at;
  while (*at == '\'' || *at == 'I') at++;
  const bool allocates = *at == 'm';
  if (allocates) at++;
  const char* modifier = at;
  while (*at != '\0' && strchr("hljztLq", *at) != nullptr) at++;
  const auto length = static_cast<size_t>(at - modifier);
  const char conversion = *at;
  const char* end = conversion == '[' ? end_of_set(at) : conversion == '\0' ? at : at + 1;
  if (scan.count == kPlacesMax) fatal("scanf() with more than %d results in a region", kPlacesMax);
  Place& place = scan.places[scan.count++];
  place = {};
  place.to = va_arg(arguments, void*);
  put(scan, begin - 1, static_cast<size_t>(width_end - begin) + 1);
  if (strchr("cs[CS", conversion) == nullptr) {
    place.kind = conversion == 'n' ? Place::kCount : Place::kNumber;
    place.bytes = bytes_of_number(modifier, length, conversion);
    if (conversion == 'n') memset(place.all, 0x7e, sizeof place.all);
    put(scan, width_end, static_cast<size_t>(end - width_end));
    return end;
  }
  const bool wide = length > 0 || conversion == 'C' || conversion == 'S';
  const bool is_bytes = conversion == 'c' || conversion == 'C';
  place.kind = allocates  ? Place::kAllocated
               : is_bytes ? Place::kBytes
               : wide     ? Place::kWideText
                          : Place::kText;
  place.bytes = (width == 0 ? 1 : width) * (wide ? sizeof(wchar_t) : 1);
  put(scan, "m", 1);
  put(scan, modifier, static_cast<size_t>(end - modifier));
  return end;
}

void parse(Scan& scan, const char* format, va_list& arguments) {
  while (*format != '\0') {
    const char* percent = strchrnul(format, '%');
    put(scan, format, static_cast<size_t>(percent - format));
    if (*percent == '\0') return;
    if (percent[1] == '%') {
      put(scan, "%%", 2);
      format = percent + 2;
    } else {
      format = convert(scan, percent + 1, arguments);
    }
  }
}

void write_place(const Place& place) {
  const void* from = place.text;
  size_t bytes = place.bytes;
  switch (place.kind) {
    case Place::kNumber:
    case Place::kCount:
      from = place.all;
      break;
    case Place::kText:
      bytes = strlen(static_cast<char*>(place.text)) + 1;
      break;
    case Place::kWideText:
      bytes = (wcslen(static_cast<wchar_t*>(place.text)) + 1) * sizeof(wchar_t);
      break;
    case Place::kBytes:
      break;
    case Place::kAllocated:
      log_bytes(place.to, sizeof(void*));
      *static_cast<void**>(place.to) = born(place.text, Release::kFree);
      return;
  }
  log_bytes(place.to, bytes);
  memcpy(place.to, from, bytes);
  if (place.kind != Place::kNumber && place.kind != Place::kCount) free(place.text);
}

bool is_untouched(const Place& place) {
  static const unsigned char pattern[16] = {0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e,
                                            0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e};
  return memcmp(place.all, pattern, place.bytes) == 0;
}

// Pointers all: the call needs no list of its own. More of them than the format asks for do no
// harm.
template <class Input>
int scan_into(int (*function)(Input, const char*, ...), Input input, const char* format,
              va_list& arguments) {
  Scan scan;
  scan.format_bytes = 0;
  scan.count = 0;
  scan.format[0] = '\0';
  parse(scan, format, arguments);
  Place* p = scan.places;
  const int result =
      function(input, scan.format, p[0].all, p[1].all, p[2].all, p[3].all, p[4].all, p[5].all,
               p[6].all, p[7].all, p[8].all, p[9].all, p[10].all, p[11].all, p[12].all, p[13].all,
               p[14].all, p[15].all, p[16].all, p[17].all, p[18].all, p[19].all, p[20].all,
               p[21].all, p[22].all, p[23].all);
  int left = result;
  for (int i = 0; i < scan.count; i++) {
    const Place& place = scan.places[i];
    if (place.kind == Place::kCount) {
      if (!is_untouched(place)) write_place(place);
    } else if (left-- > 0) {
      write_place(place);
    }
  }
  return result;
}

int scan_text(const char* text, const char* format, va_list& arguments) {
  return scan_into<const char*>(sscanf, text, format, arguments);
}
int scan_stream(FILE* stream, const char* format, va_list& arguments) {
  note_stream(stream);
  return scan_into<FILE*>(fscanf, stream, format, arguments);
}

}  // namespace

// A parameter of type va_list can't be bound to a reference; its copy can.
#define BELAY_SCANS(prefix)                                                                 \
  EFFECT(int, prefix##vsscanf, (const char* text, const char* format, va_list arguments)) { \
    va_list own;                                                                            \
    va_copy(own, arguments);                                                                \
    int result = scan_text(text, format, own);                                              \
    va_end(own);                                                                            \
    return result;                                                                          \
  }                                                                                         \
  EFFECT(int, prefix##vfscanf, (FILE * stream, const char* format, va_list arguments)) {    \
    va_list own;                                                                            \
    va_copy(own, arguments);                                                                \
    int result = scan_stream(stream, format, own);                                          \
    va_end(own);                                                                            \
    return result;                                                                          \
  }                                                                                         \
  EFFECT(int, prefix##vscanf, (const char* format, va_list arguments)) {                    \
    return fx_##prefix##vfscanf(stdin, format, arguments);                                  \
  }                                                                                         \
  EFFECT(int, prefix##sscanf, (const char* text, const char* format, ...)) {                \
    va_list arguments;                                                                      \
    va_start(arguments, format);                                                            \
    int result = scan_text(text, format, arguments);                                        \
    va_end(arguments);                                                                      \
    return result;                                                                          \
  }                                                                                         \
  EFFECT(int, prefix##fscanf, (FILE * stream, const char* format, ...)) {                   \
    va_list arguments;                                                                      \
    va_start(arguments, format);                                                            \
    int result = scan_stream(stream, format, arguments);                                    \
    va_end(arguments);                                                                      \
    return result;                                                                          \
  }                                                                                         \
  EFFECT(int, prefix##scanf, (const char* format, ...)) {                                   \
    va_list arguments;                                                                      \
    va_start(arguments, format);                                                            \
    int result = scan_stream(stdin, format, arguments);                                     \
    va_end(arguments);                                                                      \
    return result;                                                                          \
  }
BELAY_SCANS()
BELAY_SCANS(__isoc99_)
BELAY_SCANS(__isoc23_)
