// Rows of floats, the oldest overwritten when it is full: replay memory, and samples to learn from.
// It grows with what it holds: a program that only decides should not wait for 100 MB of zeros.
#pragma once

#include <algorithm>

#include "learn/archive.h"

namespace belay {

class SampleRing {
 public:
  SampleRing(size_t rows_max, size_t width) : width_(width), rows_max_(rows_max) {}

  size_t rows() const { return std::min<size_t>(added_, rows_max_); }
  size_t width() const { return width_; }
  uint64_t added() const { return added_; }

  // A row to be filled.
  std::span<float> add() {
    size_t next = added_++ % rows_max_;
    make_room();
    return row(next);
  }
  std::span<float> row(size_t i) { return {values_.data() + i * width_, width_}; }
  // The one that was added after `earlier` others. pre: it is there yet.
  std::span<float> row_added(uint64_t earlier) { return row(earlier % rows_max_); }

  void visit(Archive& archive) {
    archive.field("samples.added", added_);
    make_room();
    archive.field("samples.values", std::span(values_).first(rows() * width_));
  }

 private:
  void make_room() {
    size_t needed = rows() * width_;
    if (values_.size() < needed)
      values_.resize(std::clamp(2 * values_.size(), needed, rows_max_ * width_));
  }

  size_t width_, rows_max_;
  uint64_t added_ = 0;
  ModelVector<float> values_;
};

}  // namespace belay
