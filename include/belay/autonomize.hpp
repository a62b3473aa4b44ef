// autonomize.hpp — the C++ face of autonomize.h: the same names, for whatever types can be meant.
//
//     au_config("canny", AU_DNN, AU_ADAM, 64, 64);
//     au_output("canny", "sigma", 1, 0.3, 5.0, 1.4);
//     au_extract("histogram", histogram);                  // any contiguous range of numbers
//     au_NN("canny", "histogram", "sigma");
//     au_write_back("sigma", sigma);                       // one number, or a range of them
//
// C++17 or later. Returns and rules are those of autonomize.h. BELAY_NO_SHORT_NAMES keeps the names
// in belay::.
#ifndef BELAY_AUTONOMIZE_HPP
#define BELAY_AUTONOMIZE_HPP

#include <belay/autonomize.h>

#include <iterator>
#include <type_traits>
#include <utility>

namespace belay {

template <class T>
constexpr belay_au_type au_type() {
  static_assert(std::is_arithmetic_v<T>, "values are numbers");
  if constexpr (std::is_same_v<T, bool>) return BELAY_AU_BOOL;
  if constexpr (std::is_floating_point_v<T>) {
    static_assert(sizeof(T) <= 8, "float or double");
    return sizeof(T) == 4 ? BELAY_AU_F32 : BELAY_AU_F64;
  }
  constexpr bool is_signed = std::is_signed_v<T>;
  switch (sizeof(T)) {
    case 1:
      return is_signed ? BELAY_AU_I8 : BELAY_AU_U8;
    case 2:
      return is_signed ? BELAY_AU_I16 : BELAY_AU_U16;
    case 4:
      return is_signed ? BELAY_AU_I32 : BELAY_AU_U32;
    default:
      return is_signed ? BELAY_AU_I64 : BELAY_AU_U64;
  }
}

template <class... Layers>
int au_config(const char* model, belay_au_kind kind, belay_au_algorithm algorithm,
              Layers... layers) {
  const int32_t list[] = {static_cast<int32_t>(layers)..., 0};
  return belay_au_config(model, kind, algorithm, list);
}

template <class T>
int au_extract(const char* name, size_t count, const T* data) {
  return belay_au_extract(name, au_type<T>(), count, data);
}
template <class Range, class = decltype(std::data(std::declval<const Range&>()))>
int au_extract(const char* name, const Range& values) {
  return au_extract(name, std::size(values), std::data(values));
}
template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
int au_extract(const char* name, T value) {
  return au_extract(name, 1, &value);
}
template <class T>
int au_extract_picture(const char* name, size_t height, size_t width, size_t channels,
                       const T* data) {
  return belay_au_extract_picture(name, au_type<T>(), height, width, channels, data);
}

template <class... Names>
const char* au_serialize(const char* out, Names... names) {
  const char* const list[] = {names..., nullptr};
  return belay_au_serialize(out, list);
}

// The outputs' name is there to be read: a model decides all that it has declared.
inline int au_NN(const char* model, const char* inputs, const char* /*outputs*/) {
  return belay_au_nn(model, inputs);
}
inline int au_NN(const char* model, const char* inputs, const char* /*outputs*/, double reward,
                 bool terminal) {
  return belay_au_nn_reward(model, inputs, reward, terminal);
}

template <class T>
int au_write_back(const char* name, size_t count, T* dst) {
  return belay_au_write_back(name, au_type<T>(), count, dst);
}
template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
int au_write_back(const char* name, T& dst) {
  return au_write_back(name, 1, &dst);
}
template <class Range, class = decltype(std::data(std::declval<Range&>()))>
int au_write_back(const char* name, Range&& values) {
  return au_write_back(name, std::size(values), std::data(values));
}

inline int au_output(const char* model, const char* name, size_t count, double low, double high,
                     double fallback) {
  return belay_au_output(model, name, count, low, high, fallback);
}
inline int au_choice(const char* model, const char* name, size_t count, size_t fallback) {
  return belay_au_choice(model, name, count, fallback);
}
inline int au_set(const char* model, const char* option, double value) {
  return belay_au_set(model, option, value);
}
inline int au_checkpoint() { return belay_au_checkpoint(); }
inline int au_restore() { return belay_au_restore(); }
inline void au_request_checkpoint() { belay_au_request_checkpoint(); }
inline int au_save() { return belay_au_save(); }
inline const char* au_error() { return belay_au_error(); }

}  // namespace belay

#ifndef BELAY_NO_SHORT_NAMES
using belay::au_checkpoint;
using belay::au_choice;
using belay::au_config;
using belay::au_error;
using belay::au_extract;
using belay::au_extract_picture;
using belay::au_NN;
using belay::au_output;
using belay::au_request_checkpoint;
using belay::au_restore;
using belay::au_save;
using belay::au_serialize;
using belay::au_set;
using belay::au_write_back;
#endif

#endif
