// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): its whole state is one word, so that a model
// file holds it and training goes on exactly where it was. The distributions are written out
// because those of <random> may differ between libraries.
#pragma once

#include <cmath>
#include <cstdint>

namespace belay {

class Random {
 public:
  explicit Random(uint64_t seed = 1) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // In [0, bound); the bias of the multiplication is below bound / 2^64.
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
  // Standard normal (Box and Muller, 1958).
  double normal() {
    double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }

  uint64_t& state() { return state_; }

 private:
  uint64_t state_;
};

}  // namespace belay
