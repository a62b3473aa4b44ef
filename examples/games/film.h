// A film strip: pictures evenly spread over a run, side by side in one PNG. It is memory of the
// program like any other: what the program goes back from is not on it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

class Film {
 public:
  Film(std::string path, int width, int height)
      : path_(std::move(path)), width_(width), height_(height) {}

  bool wants(int frame) const { return frame % stride_ == 0; }
  void add(const std::vector<uint32_t>& pixels);  // 0xRRGGBB each
  // Returns whether the file could be written.
  bool write() const;

 private:
  static constexpr size_t kPictures = 12;

  std::string path_;
  int width_, height_, stride_ = 8;
  std::vector<std::vector<uint32_t>> pictures_;  // at most twice as many as are shown
};
