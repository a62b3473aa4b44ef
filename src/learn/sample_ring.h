// Rows of floats, the oldest overwritten when it is full: replay memory, and samples to learn from.
#pragma once

#include <algorithm>

#include "learn/archive.h"

namespace belay {

class SampleRing {
 public:
  SampleRing(size_t rows_max, size_t width) : width_(width), values_(rows_max * width) {}

  size_t rows_max() const { return width_ == 0 ? 0 : values_.size() / width_; }
  size_t rows() const { return std::min<size_t>(added_, rows_max()); }
  uint64_t added() const { return added_; }

  // A row to be filled.
  std::span<float> add() { return row(added_++ % rows_max()); }
  std::span<float> row(size_t i) { return {values_.data() + i * width_, width_}; }

  void visit(Archive& archive) {
    archive.field("samples.added", added_);
    archive.field("samples.values", std::span(values_).first(rows() * width_));
  }

 private:
  size_t width_;
  uint64_t added_ = 0;
  ModelVector<float> values_;
};

}  // namespace belay
