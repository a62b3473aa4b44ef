// Savepoints beside fork(), which is what a program has otherwise to go back in memory. Each
// measurement is a process of its own (--worker), and they take turns.
//
// usage: savepoint_bench [--quick]             prints a row of JSON a measurement
#include <belay/savepoint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "../examples/fuzz_parser.h"
#include "row.h"

namespace {

using namespace belay::bench;

constexpr size_t kPage = 4096;
constexpr size_t kProgramPages = (size_t{128} << 20) / kPage;
constexpr size_t kPoints = 10'000, kPagesApart = 20, kStatePages = 1000;

double now_us() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) * 1e6 + double(time.tv_nsec) / 1e3;
}

template <class T>
T& outside() {
  void* memory =
      mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return *new (memory) T();
}

[[noreturn]] void give_up() {
  fprintf(stderr, "savepoint_bench: %s\n", belay_crerror());
  exit(1);
}

char* make_program(size_t pages) {
  auto* memory = static_cast<char*>(
      mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (size_t i = 0; i < pages; i++) memset(memory + i * kPage, int(i % 255) + 1, kPage);
  return memory;
}

// ---- Workers: each prints its samples -----------------------------------------------------------

struct Samples {
  double started = 0;
  int count = 0;
  double us[20'000];
};

// The same pages each round, or others.
void write_pages(char* memory, size_t pages, int round, bool same) {
  std::mt19937 random(same ? 1 : unsigned(round));
  for (size_t i = 0; i < pages; i++) memory[random() % kProgramPages * kPage]++;
}

void rollbacks(size_t pages, bool same, int rounds) {
  auto& samples = outside<Samples>();
  char* memory = make_program(kProgramPages);
  belay_savepoint_t here;
  int came = belay_savepoint(&here);
  double now = now_us();
  if (came < 0) give_up();
  if (came > 0) samples.us[samples.count++] = now - samples.started;
  if (samples.count < rounds) {
    write_pages(memory, pages, samples.count, same);
    samples.started = now_us();
    belay_rollback_to(here, 1);
    give_up();
  }
  for (int i = rounds / 10; i < rounds; i++) printf("%f\n", samples.us[i]);
}

void forks(size_t pages, int rounds) {
  char* memory = make_program(kProgramPages);
  for (int round = 0; round < rounds; round++) {
    double started = now_us();
    pid_t child = fork();
    if (child == 0) {
      write_pages(memory, pages, round, true);
      _exit(0);
    }
    waitpid(child, nullptr, 0);
    printf("%f\n", now_us() - started);
  }
}

// A rollback takes a savepoint too, in a tree: what it costs to remember.
void takes(size_t pages, int rounds) {
  char* memory = make_program(kProgramPages);
  belay_savepoint_t first, last = 0;
  if (belay_savepoint(&first) < 0) give_up();
  for (int round = 0; round < rounds; round++) {
    write_pages(memory, pages, round, true);
    double started = now_us();
    belay_savepoint_t next;
    if (belay_savepoint(&next) < 0) give_up();
    printf("%f\n", now_us() - started);
    if (last != 0) belay_release_savepoint(last);
    last = next;
  }
}

struct Many {
  belay_savepoint_t ids[kPoints];
  size_t count = 0, jumps = 0;
  uint64_t pages_saved = 0, bytes = 0;
  double started = 0;
  double us[2000];
  std::mt19937 random{1};
};

// Each is taken after 20 pages of 1,000 were written, from a random one before it. Prints the bytes
// for each byte of pages that differ, or the time to any of them.
void many(bool memory_use, size_t jumps) {
  auto& notes = outside<Many>();
  char* memory = make_program(kStatePages);
  belay_savepoint_t root;
  if (belay_savepoint(&root) < 0) give_up();
  struct belay_savepoint_statistics statistics;
  belay_savepoint_statistics(&statistics);
  uint64_t before = statistics.bytes;
  auto change = [&] {
    for (size_t i = 0; i < kPagesApart; i++) {
      size_t page = notes.random() % kStatePages;
      for (size_t at = 0; at < kPage; at += 512) memory[page * kPage + at] = char(notes.random());
    }
  };
  while (notes.count < kPoints) {
    change();
    int came = belay_savepoint(&notes.ids[notes.count]);
    if (came < 0) give_up();
    if (came > 0) break;
    notes.count++;
    belay_savepoint_statistics(&statistics);
    notes.pages_saved += statistics.pages_saved;
    notes.bytes = statistics.bytes;
  }
  double now = now_us();
  if (notes.started > 0) notes.us[notes.jumps++] = now - notes.started;
  if (!memory_use && notes.jumps < jumps) {
    size_t goal = notes.random() % kPoints;
    change();
    notes.started = now_us();
    belay_rollback_to(notes.ids[goal], 1);
    give_up();
  }
  if (memory_use) printf("%f\n", double(notes.bytes - before) / double(notes.pages_saved * kPage));
  for (size_t i = 0; i < notes.jumps; i++) printf("%f\n", notes.us[i]);
}

// The parser of examples/fuzz.cc, on inputs that don't depend on what was found.
void fuzz(bool by_fork, double seconds) {
  struct Notes {
    uint64_t runs = 0;
    double started = 0;
    Coverage coverage;
  };
  auto& notes = outside<Notes>();
  parser::warm_up(&notes.coverage);
  auto run = [&] {
    Random random(notes.runs);
    std::string input;
    for (int i = 0; i < 8; i++) input = mutate(input, random);
    parser::parse(input);
  };
  auto time_left = [&] { return now_us() < notes.started + seconds * 1e6; };
  notes.started = now_us();
  if (by_fork) {
    for (; time_left(); notes.runs++) {
      pid_t child = fork();
      if (child == 0) {
        run();
        _exit(0);
      }
      waitpid(child, nullptr, 0);
    }
  } else {
    belay_savepoint_t here;
    int came = belay_savepoint(&here);
    if (came < 0) give_up();
    if (came > 0) notes.runs++;
    if (time_left()) {
      run();
      belay_rollback_to(here, 1);
      give_up();
    }
  }
  printf("%f\n", double(notes.runs) / ((now_us() - notes.started) / 1e6));
}

int work(const std::string& what, size_t count, int rounds) {
  if (what == "same")
    rollbacks(count, true, rounds);
  else if (what == "other")
    rollbacks(count, false, rounds);
  else if (what == "fork")
    forks(count, rounds / 10 + 3);
  else if (what == "take")
    takes(count, rounds);
  else if (what == "memory")
    many(true, 0);
  else if (what == "reach")
    many(false, size_t(rounds));
  else if (what == "fuzz")
    fuzz(false, double(rounds) / 1000);
  else if (what == "fuzz_fork")
    fuzz(true, double(rounds) / 1000);
  else
    return 64;
  return 0;
}

// ---- The driver ---------------------------------------------------------------------------------

std::string self;
int turns, rounds;

std::vector<double> samples_of(const char* what, size_t count) {
  std::string command =
      self + " --worker " + what + " " + std::to_string(count) + " " + std::to_string(rounds);
  FILE* pipe = popen(command.c_str(), "r");
  std::vector<double> values;
  double value;
  while (pipe != nullptr && fscanf(pipe, "%lf", &value) == 1) values.push_back(value);
  if (pipe == nullptr || pclose(pipe) != 0 || values.empty()) {
    fprintf(stderr, "savepoint_bench: %s failed\n", command.c_str());
    exit(1);
  }
  return values;
}

void rollback_rows(size_t pages, double target_us) {
  std::vector<double> same, other, by_fork, times;
  for (int turn = 0; turn < turns; turn++) {
    auto add = [&](std::vector<double>& all, const char* what) {
      auto found = samples_of(what, pages);
      all.insert(all.end(), found.begin(), found.end());
      return quantile(found, 0.5);
    };
    double own = add(same, "same");
    add(other, "other");
    times.push_back(add(by_fork, "fork") / own);
  }
  std::string title = "128 MiB, " + std::to_string(pages);
  Peers peers{{"fork and wait", quantile(by_fork, 0.5)}};
  print_row("rollback, " + title + " pages, the same each time", "us", same, peers, target_us);
  print_row("rollback, " + title + " pages, others each time", "us", other, peers);
  print_row("rollback, " + title + " pages: faster than fork", "times", times, {}, 10, false);
}

void other_rows() {
  std::vector<double> take, memory, reach, worst, fuzz, fuzz_fork, times;
  for (int turn = 0; turn < turns; turn++) {
    for (double us : samples_of("take", kPagesApart)) take.push_back(us);
    memory.push_back(samples_of("memory", 0)[0]);
    auto jumps = samples_of("reach", 0);
    reach.insert(reach.end(), jumps.begin(), jumps.end());
    worst.push_back(quantile(jumps, 0.99));
    fuzz.push_back(samples_of("fuzz", 0)[0]);
    fuzz_fork.push_back(samples_of("fuzz_fork", 0)[0]);
    times.push_back(fuzz.back() / fuzz_fork.back());
  }
  print_row("savepoint, 128 MiB, 20 pages since the last", "us", take, {});
  print_row("10,000 savepoints, 20 pages apart: memory for what differs", "times", memory, {}, 1.3);
  print_row("10,000 savepoints: to any of them", "us", reach, {}, 1000);
  print_row("10,000 savepoints: to any of them, p99", "us", worst, {}, 1000);
  print_row("fuzzing a parser with state", "runs/s", fuzz,
            {{"fork server", quantile(fuzz_fork, 0.5)}});
  print_row("fuzzing a parser with state: faster than a fork server", "times", times, {}, 10,
            false);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && strcmp(argv[1], "--worker") == 0)
    return work(argv[2], strtoul(argv[3], nullptr, 10), atoi(argv[4]));
  bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
  turns = quick ? 1 : 7;
  rounds = quick ? 300 : 1000;
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length < 0) return 1;
  self = std::string(path, size_t(length));
  rollback_rows(50, 40);
  rollback_rows(1000, 600);
  other_rows();
}
