// Games in a terminal: pictures are drawn into memory and shown by half blocks of 24-bit colours.
#include <time.h>

#include <vector>

#include "play.h"

namespace {

constexpr int kColumns = 80;

void wait_ms(long ms) {
  timespec time{0, ms * 1'000'000};
  nanosleep(&time, nullptr);
}

}  // namespace

struct Screen::Picture {
  int width, height, frame = 0;
  std::vector<uint32_t> pixels;

  uint32_t at(int x, int y) const {
    return x < width && y < height ? pixels[size_t(y * width + x)] : 0;
  }
  // One character stands for two pictures' points, one above the other.
  void show() const {
    std::string text = "\033[H";
    int step = (width + kColumns - 1) / kColumns;
    char cell[64];
    for (int y = 0; y + step < height; y += 2 * step) {
      for (int x = 0; x < width; x += step) {
        uint32_t above = at(x, y), below = at(x, y + step);
        snprintf(cell, sizeof cell, "\033[38;2;%u;%u;%um\033[48;2;%u;%u;%um\u2580", above >> 16,
                 above >> 8 & 255, above & 255, below >> 16, below >> 8 & 255, below & 255);
        text += cell;
      }
      text += "\033[0m\n";
    }
    fwrite(text.data(), 1, text.size(), stdout);
    fflush(stdout);
  }
};

Screen::Screen(const Options& options, int width, int height) {
  if (!options.watch) return;
  picture_.reset(new Picture{width, height});
  printf("\033[2J");
}

Screen::~Screen() {
  if (picture_) printf("\033[0m\n");
}

bool Screen::begin() {
  if (!picture_ || picture_->frame++ % 2 != 0) return false;
  picture_->pixels.assign(size_t(picture_->width * picture_->height), 0x101018);
  return true;
}

void Screen::box(float x, float y, float width, float height, uint32_t colour) {
  int right = std::min(picture_->width, int(x + width));
  int bottom = std::min(picture_->height, int(y + height));
  for (int row = std::max(0, int(y)); row < bottom; row++)
    for (int column = std::max(0, int(x)); column < right; column++)
      picture_->pixels[size_t(row * picture_->width + column)] = colour;
}

void Screen::end() {
  if (!picture_ || picture_->frame % 2 == 0) return;
  picture_->show();
  wait_ms(2 * 1000 / 60);
}
