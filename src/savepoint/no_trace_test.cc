// Goal: rollbacks leave no trace, however many there are: resident memory, mappings, descriptors,
// threads and every writable byte of the C and C++ libraries are as they were at the savepoint.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <link.h>
#include <locale.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/checksum.h"
#include "base/number_list.h"
#include "base/syscall.h"
#include "belay/savepoint.h"
#include "savepoint/outside.h"

namespace belay {
namespace {

// What there is of the process, told without the C library, which would change by being asked.
struct Trace {
  uint64_t mappings = 0;   // a checksum of their list, Belay's own left out
  uint64_t libraries = 0;  // a checksum of the writable segments of all libraries
  uint64_t descriptors = 0, threads = 0;
  uint64_t resident_pages = 0;  // of the program's anonymous memory
  bool operator==(const Trace&) const = default;
};

struct TraceNotes {
  std::mt19937 random;
  int left = 0, done = 0;
  Trace first, last;
  char text[2][1 << 16];  // the mappings, then and now
};

size_t read_all(const char* path, char* out, size_t bytes) {
  long fd = sys::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  size_t used = 0;
  for (long n; used < bytes && (n = sys::call(SYS_read, fd, out + used, bytes - used)) > 0;)
    used += size_t(n);
  sys::call(SYS_close, fd);
  return used;
}

uint64_t sum_numbers(const char* directory) {
  NumberList list;
  uint64_t sum = 0;
  if (!list.open(directory)) return 0;
  for (int n; (n = list.next()) >= 0;)
    if (n != list.fd()) sum = sum * 131 + uint64_t(n) + 1;
  return sum;
}

// Whether Belay keeps to itself what lies there.
bool is_belays(std::string_view line) {
  return line.find("[anon:belay]") != line.npos || line.starts_with("28");
}

uint64_t resident(uint64_t start, uint64_t end) {
  uint64_t entries[512], count = 0;
  long fd = sys::call(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  for (uint64_t page = start / 4096; page < end / 4096;) {
    uint64_t want = std::min<uint64_t>(512, end / 4096 - page);
    long n = sys::call(SYS_pread64, fd, entries, want * 8, page * 8);
    if (n <= 0) break;
    for (long i = 0; i < n / 8; i++) count += entries[i] >> 61 == 4;  // present, and not a file's
    page += uint64_t(n) / 8;
  }
  sys::call(SYS_close, fd);
  return count;
}

uint64_t g_libraries;

Trace trace(char* text, size_t bytes) {
  Trace found;
  size_t used = read_all("/proc/self/maps", text, bytes - 1);
  text[used] = '\0';
  size_t kept = 0, last = 0;
  uint64_t last_to = 0;
  for (size_t at = 0; at < used;) {
    std::string_view line(text + at, size_t(strchr(text + at, '\n') - (text + at)) + 1);
    at += line.size();
    if (is_belays(line)) continue;
    char* end;
    uint64_t from = strtoull(line.data(), &end, 16), to = strtoull(end + 1, &end, 16);
    // Writable private memory; the stack's pages below the frame at hand come and go.
    if (end[2] == 'w' && end[4] == 'p' && line.find("[stack]") == line.npos &&
        to - from < uint64_t{1} << 36)
      found.resident_pages += resident(from, to);
    // Two that the kernel shows apart, for how they are watched, are one for the program.
    std::string_view rest(end, size_t(line.data() + line.size() - end));
    std::string_view before(text + last, kept - last);
    bool continues = from == last_to && rest.find(" 00000000 00:00 0") != rest.npos &&
                     before.size() == line.size() && before.ends_with(rest);
    last_to = to;
    if (continues) {
      size_t dash = line.find('-');
      memcpy(text + last + dash, line.data() + dash, line.size() - dash);
      continue;
    }
    last = kept;
    memmove(text + kept, line.data(), line.size());
    kept += line.size();
  }
  text[kept] = '\0';
  found.mappings = checksum(text, kept);
  found.descriptors = sum_numbers("/proc/self/fd");
  found.threads = sum_numbers("/proc/self/task");
  g_libraries = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void*) {
        for (int i = 0; i < info->dlpi_phnum; i++) {
          const auto& header = info->dlpi_phdr[i];
          bool library = strstr(info->dlpi_name, "/lib") != nullptr;
          if (!library || header.p_type != PT_LOAD || (header.p_flags & PF_W) == 0) continue;
          auto* start = reinterpret_cast<const char*>(info->dlpi_addr + header.p_vaddr);
          g_libraries = g_libraries * 31 + checksum(start, header.p_memsz);
        }
        return 0;
      },
      nullptr);
  found.libraries = g_libraries;
  return found;
}

// ---- What programs do ---------------------------------------------------------------------------

void use_malloc(std::mt19937& random) {
  std::vector<std::unique_ptr<char[]>> blocks;
  for (int i = 0; i < 30; i++) {
    size_t bytes = random() % 20 == 0 ? 300'000 : random() % 3000;
    blocks.push_back(std::make_unique<char[]>(bytes + 1));
    if (random() % 3 == 0) blocks[random() % blocks.size()].reset();
  }
  if (random() % 2 == 0)
    for (auto& block : blocks) block.release();  // what is lost comes back
}

void use_stdio(std::mt19937& random) {
  FILE* file = tmpfile();
  fprintf(file, "%d %s %f", int(random()), "text", 1.5);
  rewind(file);
  int number;
  double real;
  if (fscanf(file, "%d text %lf", &number, &real) != 2) abort();
  if (random() % 2 == 0) fclose(file);
  FILE* other = fopen("/proc/self/exe", "rb");
  if (fgetc(other) != 0x7f) abort();
}

void use_locale() {
  locale_t locale = newlocale(LC_ALL_MASK, "C.UTF-8", nullptr);
  if (locale != nullptr) uselocale(locale);
  setlocale(LC_ALL, "C.UTF-8");
}

void use_exceptions(std::mt19937& random) {
  try {
    std::map<int, std::string> map;
    for (int i = 0; i < 10; i++) map[int(random() % 100)] = std::to_string(i);
    map.at(1000);
  } catch (const std::out_of_range&) {
    if (random() % 2 == 0) throw std::string("on the way");
  }
}

void use_threads(std::mt19937& random) {
  std::thread ends([&] { use_malloc(random); });
  ends.join();
  auto* runs = new std::atomic<bool>(false);
  std::thread stays([runs] {
    auto memory = std::make_unique<char[]>(1000);
    *runs = true;
    for (;;) std::this_thread::yield();
  });
  while (!*runs) std::this_thread::yield();
  stays.detach();
}

void use_mappings(std::mt19937& random) {
  auto* area = static_cast<char*>(
      mmap(nullptr, 20 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  memset(area, 1, 20 * 4096);
  if (random() % 2 == 0) munmap(area + 4096, 5 * 4096);
  mprotect(area + 8 * 4096, 4096, PROT_READ);
  mmap(nullptr, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

void live(std::mt19937& random) {
  use_malloc(random);
  if (random() % 4 == 0) use_stdio(random);
  if (random() % 8 == 0) use_locale();
  if (random() % 4 == 0) use_mappings(random);
  if (random() % 16 == 0) use_threads(random);
  if (random() % 2 == 0) {
    try {
      use_exceptions(random);
    } catch (const std::string&) {
    }
  }
}

TEST(SavepointNoTrace, AfterManyRollbacks) {
  unsigned seed = test_seed();
  Verdict verdict;
  Outside<TraceNotes> notes;
  notes->random.seed(seed);
  notes->left = test_full() ? 100'000 : 2'000;
  live(notes->random);  // what a first use sets up once and for all
  std::this_thread::yield();
  belay_savepoint_t here;
  int came = belay_savepoint(&here);
  ASSERT_GE(came, 0) << belay_crerror();
  bool first = notes->done++ == 0, look = notes->done % 50 == 0 || notes->left == 0;
  if (first) notes->first = trace(notes->text[0], sizeof notes->text[0]);
  if (look) {
    Trace now = notes->last = trace(notes->text[1], sizeof notes->text[1]);
    const Trace& then = notes->first;
    BELAY_EXPECT(verdict, now.mappings == then.mappings, notes->done);
    BELAY_EXPECT(verdict, now.libraries == then.libraries, notes->done);
    BELAY_EXPECT(verdict, now.descriptors == then.descriptors, notes->done);
    BELAY_EXPECT(verdict, now.threads == then.threads, notes->done);
  }
  if (notes->left-- > 0) {
    live(notes->random);
    belay_rollback_to(here, 1);
    verdict.check(false, belay_crerror());
  }
  belay_release_savepoint(here);
  printf("resident pages: %lu at first, %lu after %d rollbacks\n",
         (unsigned long)notes->first.resident_pages, (unsigned long)notes->last.resident_pages,
         notes->done - 1);
  if (strcmp(notes->text[0], notes->text[1]) != 0)
    printf("then:\n%s\nnow:\n%s\n", notes->text[0], notes->text[1]);
  // Pages that a loop needs again and again are cleared rather than given back: 4 MiB at most.
  EXPECT_LE(notes->last.resident_pages, notes->first.resident_pages + 1024);
}

}  // namespace
}  // namespace belay
