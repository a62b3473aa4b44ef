// How the parts of a model name what a model file holds of them: each has a function
// `void visit(Archive&)` that lists its fields in order, for writing and for reading alike.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

#include "learn/model_memory.h"

namespace belay {

class Archive {
 public:
  virtual ~Archive() = default;

  // One value; or values whose number follows from the model's configuration and from what was
  // visited before.
  template <class T>
  void field(std::string_view name, T& value) {
    field(name, std::span(&value, 1));
  }
  template <class T>
  void field(std::string_view name, ModelVector<T>& values) {
    field(name, std::span(values));
  }
  template <class T>
  void field(std::string_view name, std::span<T> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes(name, std::as_writable_bytes(values), false);
  }
  // One that files of older builds do not have: it stays as it is then.
  template <class T>
  void later_field(std::string_view name, T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes(name, std::as_writable_bytes(std::span(&value, 1)), true);
  }

 protected:
  // Writes them, or fills them with what is on file under this name if it is of this length.
  virtual void bytes(std::string_view name, std::span<std::byte> data, bool may_miss) = 0;
};

}  // namespace belay
