#include "film.h"

#include <png.h>

#include <algorithm>

// When there are too many, every other one goes: the rest stays evenly spread.
void Film::add(const std::vector<uint32_t>& pixels) {
  pictures_.push_back(pixels);
  if (pictures_.size() < 4 * kPictures) return;
  for (size_t i = 1; i < pictures_.size() / 2; i++) pictures_[i] = std::move(pictures_[2 * i]);
  pictures_.resize(pictures_.size() / 2);
  stride_ *= 2;
}

bool Film::write() const {
  constexpr int kGap = 4, kWidthMax = 1000;
  const int count = int(std::min(pictures_.size(), kPictures));
  const int columns = std::clamp(kWidthMax / (width_ + kGap), 1, std::max(1, count));
  const int rows = std::max(1, (count + columns - 1) / columns);
  const int width = columns * (width_ + kGap) + kGap, height = rows * (height_ + kGap) + kGap;
  std::vector<uint8_t> strip(size_t(width) * size_t(height) * 3, 0x40);
  for (int i = 0; i < count; i++) {
    // From the first to the last of all that there are.
    size_t chosen = count == 1 ? 0 : size_t(i) * (pictures_.size() - 1) / size_t(count - 1);
    const int left = kGap + i % columns * (width_ + kGap);
    const int top = kGap + i / columns * (height_ + kGap);
    for (int y = 0; y < height_; y++)
      for (int x = 0; x < width_; x++) {
        uint32_t colour = pictures_[chosen][size_t(y * width_ + x)];
        uint8_t* to = &strip[(size_t(top + y) * size_t(width) + size_t(left + x)) * 3];
        to[0] = uint8_t(colour >> 16), to[1] = uint8_t(colour >> 8), to[2] = uint8_t(colour);
      }
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.format = PNG_FORMAT_RGB;
  image.width = png_uint_32(width);
  image.height = png_uint_32(height);
  return png_image_write_to_file(&image, path_.c_str(), 0, strip.data(), 0, nullptr) != 0;
}
