// What the examples of regions share: their options, and the account at their end.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#ifdef BELAY_REGION_H  // not in the programs that undo by hand
inline void print_regions() {
  ckpt_statistics all;
  belay_ckpt_statistics(&all);
  std::fprintf(stderr, "regions %llu rolled_back %llu log_bytes %llu log_bytes_max %llu\n",
               (unsigned long long)all.regions, (unsigned long long)all.rollbacks,
               (unsigned long long)all.log_bytes, (unsigned long long)all.log_bytes_max);
}
#else
inline void print_regions() {}
#endif

// --name VALUE pairs; a flag is given as 1. Ends the program with `usage` on anything else.
class Arguments {
 public:
  Arguments(int argc, char** argv, const char* usage) : argc_(argc), argv_(argv), usage_(usage) {}

  // The value given for --name, or `fallback`.
  const char* text(const char* name, const char* fallback) {
    for (int i = 1; i + 1 < argc_; i += 2) {
      if (std::strcmp(argv_[i], name) != 0) continue;
      known_++;
      return argv_[i + 1];
    }
    return fallback;
  }
  uint64_t number(const char* name, uint64_t fallback, uint64_t min, uint64_t max) {
    const char* given = text(name, nullptr);
    if (given == nullptr) return fallback;
    char* end;
    uint64_t value = std::strtoull(given, &end, 10);
    if (end == given || *end != '\0' || value < min || value > max) fail();
    return value;
  }
  // Call when all have been asked for.
  void check() const {
    if (argc_ != 1 + 2 * known_) fail();
  }

 private:
  [[noreturn]] void fail() const {
    bool asked = argc_ == 2 && std::strcmp(argv_[1], "--help") == 0;
    std::fputs(usage_, asked ? stdout : stderr);
    std::exit(asked ? 0 : 64);
  }
  int argc_;
  char** argv_;
  const char* usage_;
  int known_ = 0;
};

// Processor time since its construction: other jobs of the machine are left out.
class Stopwatch {
 public:
  double seconds() const { return double(std::clock() - start_) / CLOCKS_PER_SEC; }
  void print() const { std::fprintf(stderr, "seconds %.6f\n", seconds()); }

 private:
  std::clock_t start_ = std::clock();
};
