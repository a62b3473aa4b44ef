// What makes a run repeatable bit for bit, whatever the scheduler does: random numbers that depend
// on a seed and an index only, a fixed partition of the work, and a digest of the result.
#pragma once

#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>

// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a full-period generator in one word of state.
class Random {
 public:
  // The same stream for the same (seed, stream), and a different one for each other stream.
  explicit Random(uint64_t seed, uint64_t stream = 0) : state_(mix(seed) ^ mix(~stream)) {}

  uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15); }
  uint64_t below(uint64_t n) {
    return uint64_t((static_cast<unsigned __int128>(next()) * n) >> 64);
  }
  double unit() { return double(next() >> 11) * 0x1p-53; }
  // Near enough to normal (0, 1): the sum of twelve uniform ones, without libm.
  float normal() {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += unit();
    return float(sum);
  }

 private:
  static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t state_;
};

// The part of [0, n) that is thread `t`'s of `threads`; empty for threads past the last item.
struct Slice {
  size_t begin, end;

  static Slice of(size_t n, size_t t, size_t threads) {
    return {n * t / threads, n * (t + 1) / threads};
  }
};

// FNV-1a over the bytes of a result.
class Checksum {
 public:
  template <class T>
  Checksum& add(const T* values, size_t count) {
    auto* bytes = reinterpret_cast<const unsigned char*>(values);
    for (size_t i = 0; i < count * sizeof(T); i++) hash_ = (hash_ ^ bytes[i]) * 0x100000001b3;
    return *this;
  }
  void print() const { std::printf("checksum %016" PRIx64 "\n", hash_); }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};
