// A window, of a program of its own (game_window.cc): it does not go back with the game, whose
// memory holds nothing of SDL's. C asks for a checkpoint; closing the window ends the game.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

class Window {
 public:
  Window(int width, int height);
  // Waits until all is shown.
  ~Window();
  Window(const Window&) = delete;

  void show(const std::vector<uint32_t>& pixels);  // 0xRRGGBB each

 private:
  pid_t viewer_;
  int frames_ = -1;
};
