// A fuzz loop around a parser with state: each run starts from the state that reading some thousand
// definitions left, by a rollback, or in a child of a fork server. Both find the same.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <belay/belay.hpp>
#include <cstdio>
#include <cstring>

#include "fuzz_parser.h"
#include "region_options.h"

namespace {

using Text = std::basic_string<char, std::char_traits<char>, belay::exempt_allocator<char>>;

// What it learns: in exempt memory.
struct Fuzzer {
  explicit Fuzzer(uint64_t seed) : random(seed) { corpus.emplace_back("say $a\n"); }

  Random random;
  std::vector<Text, belay::exempt_allocator<Text>> corpus;
  Text input;
  Coverage known{};
  uint64_t runs = 0, first_crash = 0;

  void choose() {
    const Text& base = corpus[random.below(corpus.size())];
    std::string next = mutate(std::string(base.data(), base.size()), random);
    input.assign(next.data(), next.size());
    runs++;
  }
  void learn(const Coverage& seen) {
    bool news = false;
    for (size_t i = 0; i < Coverage::kBits / 64; i++) {
      news = news || (seen.words[i] & ~known.words[i]) != 0;
      known.words[i] |= seen.words[i];
    }
    if (seen.crashes > 0 && first_crash == 0) first_crash = runs;
    known.crashes += seen.crashes > 0;
    if (news) corpus.push_back(input);
  }
};

void run(Fuzzer& fuzzer) { parser::parse({fuzzer.input.data(), fuzzer.input.size()}); }

void by_savepoint(Fuzzer& fuzzer, Coverage& seen, uint64_t runs) {
  belay::savepoint warm;
  if (warm.take() != 0) fuzzer.learn(seen);
  if (fuzzer.runs == runs) return;
  std::memset(&seen, 0, sizeof seen);
  fuzzer.choose();
  run(fuzzer);
  warm.rollback();
}

void by_fork(Fuzzer& fuzzer, Coverage& seen, uint64_t runs) {
  while (fuzzer.runs < runs) {
    std::memset(&seen, 0, sizeof seen);
    fuzzer.choose();
    pid_t child = fork();
    if (child == 0) {
      run(fuzzer);
      _exit(0);
    }
    waitpid(child, nullptr, 0);
    fuzzer.learn(seen);
  }
}

double seconds_now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) + double(time.tv_nsec) / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments(argc, argv, "usage: fuzz [--method savepoint|fork] [--runs N] [--seed N]\n");
  bool fork_server = std::strcmp(arguments.text("--method", "savepoint"), "fork") == 0;
  uint64_t runs = arguments.number("--runs", 20'000, 1, UINT64_MAX);
  auto& fuzzer = belay::make_exempt<Fuzzer>(arguments.number("--seed", 1, 0, UINT64_MAX));
  arguments.check();
  // Shared: children write it too, and a rollback leaves it alone.
  void* memory =
      mmap(nullptr, sizeof(Coverage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto& seen = *new (memory) Coverage();
  parser::warm_up(&seen);
  double started = seconds_now();
  (fork_server ? by_fork : by_savepoint)(fuzzer, seen, runs);
  std::fprintf(stderr, "runs_per_second %.0f\n", double(runs) / (seconds_now() - started));
  struct belay_savepoint_statistics figures;
  belay_savepoint_statistics(&figures);
  std::fprintf(stderr, "rollbacks %llu scans %llu hot_pages %llu\n",
               (unsigned long long)figures.rollbacks, (unsigned long long)figures.scans,
               (unsigned long long)figures.hot_pages);
  std::printf("corpus %zu, crashes %llu, the first in run %llu\n", fuzzer.corpus.size(),
              (unsigned long long)fuzzer.known.crashes, (unsigned long long)fuzzer.first_crash);
  Checksum checksum;
  for (const Text& text : fuzzer.corpus) checksum.add(text.data(), text.size());
  checksum.add(fuzzer.known.words, Coverage::kBits / 64).print();
}
