#include "region/settings.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "region/report.h"

namespace belay::region {

namespace {

ckpt_attr current = {0, CKPT_ARRAY, CKPT_OUTPUT_DEFER, CKPT_UNKNOWN_REFUSE, CKPT_RACES_IGNORE};

bool parse_bytes(const char* text, size_t* out) {
  char* end;
  unsigned long long number = strtoull(text, &end, 10);
  int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
  if (end == text || end[shift != 0] != '\0' || number == 0) return false;
  *out = static_cast<size_t>(number) << shift;
  return true;
}

// The index of `text` in `words` (separated by '|') plus one, or 0.
int find_word(const char* words, const char* text) {
  size_t bytes = strlen(text);
  for (int index = 1;; index++) {
    size_t word_bytes = strcspn(words, "|");
    if (word_bytes == bytes && memcmp(words, text, bytes) == 0) return index;
    if (words[word_bytes] == '\0') return 0;
    words += word_bytes + 1;
  }
}

template <class Enum>
void override_word(Enum* field, const char* name, const char* words) {
  const char* text = getenv(name);
  if (text == nullptr) return;
  int index = find_word(words, text);
  if (index == 0) fatal("%s=%s: it is one of %s", name, text, words);
  *field = static_cast<Enum>(index);
}

// So that a full log is met, with a message, before the kernel ends the program without one.
size_t half_of_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  const size_t most = size_t{64} << 30;
  if (pages <= 0 || page <= 0) return most;
  const size_t half = static_cast<size_t>(pages) / 2 * static_cast<size_t>(page);
  return half < most ? half : most;
}

void read_environment() {
  if (current.log_bytes_max == 0) current.log_bytes_max = half_of_memory();
  if (const char* text = getenv("BELAY_CKPT_LOG_MAX"))
    if (!parse_bytes(text, &current.log_bytes_max))
      fatal("BELAY_CKPT_LOG_MAX=%s: it is a number of bytes, with K, M or G", text);
  override_word(&current.buffer, "BELAY_CKPT_BUFFER", "array|hash");
  override_word(&current.output, "BELAY_CKPT_OUTPUT", "defer|allow|refuse");
  override_word(&current.unknown, "BELAY_CKPT_UNKNOWN", "refuse|allow");
  override_word(&current.races, "BELAY_CKPT_RACES", "ignore|report|refuse");
}

}  // namespace

const ckpt_attr& settings() {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, read_environment);
  return current;
}

int change_settings(const ckpt_attr& wanted) {
  settings();
  if (wanted.buffer > CKPT_HASH || wanted.output > CKPT_OUTPUT_REFUSE ||
      wanted.unknown > CKPT_UNKNOWN_ALLOW || wanted.races > CKPT_RACES_REFUSE)
    return EINVAL;
  if (wanted.log_bytes_max != 0) current.log_bytes_max = wanted.log_bytes_max;
  if (wanted.buffer != CKPT_BUFFER_DEFAULT) current.buffer = wanted.buffer;
  if (wanted.output != CKPT_OUTPUT_DEFAULT) current.output = wanted.output;
  if (wanted.unknown != CKPT_UNKNOWN_DEFAULT) current.unknown = wanted.unknown;
  if (wanted.races != CKPT_RACES_DEFAULT) current.races = wanted.races;
  read_environment();
  return 0;
}

}  // namespace belay::region
