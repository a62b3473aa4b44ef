#include "learn/values.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace belay {
namespace {

// Calls `function` with a value of the C++ type that `type` names.
template <class Function>
void with_type(belay_au_type type, Function function) {
  switch (type) {
    case BELAY_AU_F32:
      return function(float{});
    case BELAY_AU_F64:
      return function(double{});
    case BELAY_AU_I8:
      return function(int8_t{});
    case BELAY_AU_U8:
      return function(uint8_t{});
    case BELAY_AU_I16:
      return function(int16_t{});
    case BELAY_AU_U16:
      return function(uint16_t{});
    case BELAY_AU_I32:
      return function(int32_t{});
    case BELAY_AU_U32:
      return function(uint32_t{});
    case BELAY_AU_I64:
      return function(int64_t{});
    case BELAY_AU_U64:
      return function(uint64_t{});
    case BELAY_AU_BOOL:
      return function(bool{});
  }
}

template <class T>
T cut_to(float value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value > 0.5f;
  } else if constexpr (std::is_floating_point_v<T>) {
    return value;
  } else {
    double rounded = std::nearbyint(double{value});
    if (rounded <= static_cast<double>(std::numeric_limits<T>::min()))
      return std::numeric_limits<T>::min();
    // The largest 64-bit numbers are no doubles: the next double is beyond.
    if (rounded >= static_cast<double>(std::numeric_limits<T>::max()))
      return std::numeric_limits<T>::max();
    return static_cast<T>(rounded);
  }
}

}  // namespace

size_t bytes_of(belay_au_type type) {
  size_t bytes = 0;
  with_type(type, [&](auto value) { bytes = sizeof value; });
  return bytes;
}

void to_floats(belay_au_type type, const void* data, std::span<float> values) {
  with_type(type, [&](auto example) {
    auto from = static_cast<const decltype(example)*>(data);
    for (size_t i = 0; i < values.size(); i++) values[i] = static_cast<float>(from[i]);
  });
}

void from_floats(belay_au_type type, std::span<const float> values, void* data) {
  with_type(type, [&](auto example) {
    auto to = static_cast<decltype(example)*>(data);
    for (size_t i = 0; i < values.size(); i++) to[i] = cut_to<decltype(example)>(values[i]);
  });
}

}  // namespace belay
