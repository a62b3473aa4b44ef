// Memory of the model store: what models have learned stays when the program goes back, so it lives
// in exempt memory. Thread-safe as exempt_malloc is. Running out of it ends the program: a model's
// sizes are checked against kParametersMax when it is configured, long before.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "belay/checkpoint_restore.h"

namespace belay {

template <class T>
struct ModelAllocator {
  using value_type = T;
  ModelAllocator() = default;
  template <class U>
  ModelAllocator(const ModelAllocator<U>&) {}
  T* allocate(size_t count) {
    void* block = belay_exempt_malloc(count * sizeof(T));
    BELAY_CHECK(block != nullptr);
    return static_cast<T*>(block);
  }
  void deallocate(T* block, size_t) { belay_exempt_free(block); }
  friend bool operator==(ModelAllocator, ModelAllocator) { return true; }
};

template <class T>
using ModelVector = std::vector<T, ModelAllocator<T>>;
using ModelString = std::basic_string<char, std::char_traits<char>, ModelAllocator<char>>;

// Owns one object in model memory.
template <class T>
struct ModelDelete {
  void operator()(T* object) const {
    object->~T();
    belay_exempt_free(object);
  }
};
template <class T>
using ModelPointer = std::unique_ptr<T, ModelDelete<T>>;

template <class T, class... Args>
ModelPointer<T> make_in_model_memory(Args&&... args) {
  return ModelPointer<T>(new (ModelAllocator<T>().allocate(1)) T(static_cast<Args&&>(args)...));
}

}  // namespace belay
