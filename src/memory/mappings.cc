#include "memory/mappings.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <cstring>

#include "base/syscall.h"

namespace belay {
namespace {

// Reads fields of one line; the kernel wrote it, so it is well-formed.
class Cursor {
 public:
  explicit Cursor(char* at) : at_(at) {}
  uint64_t hex() { return number(16); }
  uint64_t decimal() { return number(10); }
  void skip(size_t n) { at_ += n; }
  void skip_spaces() {
    while (*at_ == ' ') at_++;
  }
  char* at() const { return at_; }

 private:
  uint64_t number(unsigned base) {
    uint64_t value = 0;
    for (;; at_++) {
      unsigned digit = *at_ >= 'a'                  ? unsigned(*at_ - 'a') + 10
                       : *at_ >= '0' && *at_ <= '9' ? unsigned(*at_ - '0')
                                                    : base;
      if (digit >= base) return value;
      value = value * base + digit;
    }
  }
  char* at_;
};

Mapping parse_line(char* line) {
  Mapping mapping;
  Cursor cursor(line);
  mapping.start = cursor.hex();
  cursor.skip(1);
  mapping.end = cursor.hex();
  cursor.skip(1);
  const char* permissions = cursor.at();
  mapping.protection =
      uint8_t((permissions[0] == 'r' ? PROT_READ : 0) | (permissions[1] == 'w' ? PROT_WRITE : 0) |
              (permissions[2] == 'x' ? PROT_EXEC : 0));
  mapping.shared = permissions[3] == 's';
  cursor.skip(5);
  mapping.file_offset = cursor.hex();
  cursor.skip(1);
  mapping.device_major = uint32_t(cursor.hex());
  cursor.skip(1);
  mapping.device_minor = uint32_t(cursor.hex());
  cursor.skip(1);
  mapping.inode = cursor.decimal();
  cursor.skip_spaces();
  mapping.path = cursor.at();
  return mapping;
}

Result<size_t> read_text(std::span<char> text) {
  long fd = sys::call(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(int(-fd), "/proc/self/maps: {}", errno_text(int(-fd)));
  size_t used = 0;
  long n = 0;
  while (used < text.size()) {
    n = sys::call(SYS_read, fd, text.data() + used, text.size() - used);
    if (n <= 0) break;
    used += size_t(n);
  }
  sys::call(SYS_close, fd);
  if (n < 0) return fail(int(-n), "/proc/self/maps: {}", errno_text(int(-n)));
  if (used == text.size()) return fail(ENOMEM, "more mappings than Belay has room for");
  return used;
}

}  // namespace

Result<std::span<Mapping>> read_mappings(const MappingTableMemory& memory) {
  BELAY_ASSIGN(size_t bytes, read_text(memory.text));
  size_t count = 0;
  char* end = memory.text.data() + bytes;
  for (char* line = memory.text.data(); line < end;) {
    auto* newline = static_cast<char*>(memchr(line, '\n', size_t(end - line)));
    if (newline == nullptr) break;
    *newline = '\0';
    if (count == memory.mappings.size())
      return fail(ENOMEM, "more than {} mappings", memory.mappings.size());
    memory.mappings[count++] = parse_line(line);
    line = newline + 1;
  }
  return memory.mappings.first(count);
}

}  // namespace belay
