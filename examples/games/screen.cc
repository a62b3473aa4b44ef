// Pictures are drawn into memory; a window shows them, a film keeps them.
#include "play.h"

struct Screen::Window {};
Screen::Screen(const Options&, int, int) {}
Screen::~Screen() = default;
bool Screen::begin() { return false; }
void Screen::box(float, float, float, float, uint32_t) {}
void Screen::end() {}
