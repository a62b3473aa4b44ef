// A stack in address space that is reserved at once and used as it grows, so that it never moves
// and a push never allocates.
#pragma once

#include <sys/mman.h>

#include <cstddef>

#include "region/report.h"

namespace belay::region {

// `bytes` of address space followed by a page that faults; null where that is not to be had.
std::byte* reserve(size_t bytes);
void release(std::byte* base, size_t bytes);

template <class T>
class ReservedStack {
 public:
  // Not a constructor: a thread's state begins as zeros and costs nothing until a region begins.
  void open(size_t count_max, const char* what) {
    base_ = reinterpret_cast<T*>(reserve(count_max * sizeof(T)));
    if (base_ == nullptr) fatal("no address space for %zu %s", count_max, what);
    count_max_ = count_max;
    what_ = what;
  }
  bool is_open() const { return base_ != nullptr; }
  void close() { release(reinterpret_cast<std::byte*>(base_), count_max_ * sizeof(T)); }

  T& push(const T& value) {
    if (count_ == count_max_) fatal("more than %zu %s", count_max_, what_);
    return base_[count_++] = value;
  }
  // Room for `count` more, uninitialised.
  T* grow(size_t count) {
    if (count > count_max_ - count_) fatal("more than %zu %s", count_max_, what_);
    count_ += count;
    return base_ + count_ - count;
  }
  void truncate(size_t count) { count_ = count; }
  size_t size() const { return count_; }
  T& operator[](size_t index) { return base_[index]; }
  T& back() { return base_[count_ - 1]; }
  T* begin() { return base_; }
  T* end() { return base_ + count_; }

 private:
  T* base_;
  size_t count_, count_max_;
  const char* what_;
};

}  // namespace belay::region
