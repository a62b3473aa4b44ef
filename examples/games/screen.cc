// Pictures are drawn into memory and shown: in a terminal by half blocks of 24-bit colours.
#include <time.h>

#include <optional>
#include <vector>

#include "play.h"
#include "window.h"
#ifdef BELAY_HAS_FILM
#include "film.h"
#endif

namespace {

constexpr int kColumns = 80;

void wait_ms(long ms) {
  timespec time{0, ms * 1'000'000};
  nanosleep(&time, nullptr);
}

}  // namespace

struct Screen::Picture {
  int width, height;
  bool in_terminal;
  int frame = 0;
  std::vector<uint32_t> pixels{};
#ifdef BELAY_HAS_FILM
  std::optional<Film> film{};
#endif
  std::optional<Window> window{};

  bool is_shown() const {  // half of 60 in a second are seen
    return (in_terminal || window) && frame % 2 == 0;
  }
  bool is_filmed() const {
#ifdef BELAY_HAS_FILM
    return film && film->wants(frame);
#else
    return false;
#endif
  }

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
  if (!options.watch && !options.window && options.film.empty()) return;
  picture_.reset(new Picture{width, height, options.watch});
  if (options.window) picture_->window.emplace(width, height);
#ifdef BELAY_HAS_FILM
  if (!options.film.empty()) picture_->film.emplace(options.film, width, height);
#endif
  if (options.watch) printf("\033[2J");
}

Screen::~Screen() {
  if (!picture_) return;
  if (picture_->in_terminal) printf("\033[0m\n");
#ifdef BELAY_HAS_FILM
  if (picture_->film && !picture_->film->write()) fprintf(stderr, "the film can't be written\n");
#endif
}

bool Screen::begin() {
  if (!picture_) return false;
  picture_->frame++;
  if (!picture_->is_shown() && !picture_->is_filmed()) return false;
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
  if (!picture_) return;
#ifdef BELAY_HAS_FILM
  if (picture_->is_filmed()) picture_->film->add(picture_->pixels);
#endif
  if (picture_->window && picture_->is_shown()) picture_->window->show(picture_->pixels);
  if (!picture_->in_terminal || !picture_->is_shown()) return;
  picture_->show();
  wait_ms(2 * 1000 / 60);
}
