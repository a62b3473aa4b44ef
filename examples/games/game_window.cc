// The window of a game: shows the pictures that come on standard input, of WIDTH x HEIGHT words
// 0xRRGGBB each. C sends SIGUSR1 to the game; closing the window ends both.
//
// usage: game_window WIDTH HEIGHT              started by the games (--window)
#include <SDL2/SDL.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr int kScale = 4, kFrameMs = 2 * 1000 / 60;  // every other frame of 60 in a second

bool read_all(void* data, size_t bytes) {
  auto to = static_cast<char*>(data);
  while (bytes > 0) {
    ssize_t count = read(STDIN_FILENO, to, bytes);
    if (count <= 0) return false;
    to += count, bytes -= size_t(count);
  }
  return true;
}

// Returns false when the window was closed.
bool handle_events() {
  for (SDL_Event event; SDL_PollEvent(&event);) {
    if (event.type == SDL_QUIT) return false;
    if (event.type != SDL_KEYDOWN) continue;
    if (event.key.keysym.sym == SDLK_ESCAPE) return false;
    if (event.key.keysym.sym == SDLK_c) kill(getppid(), SIGUSR1);
  }
  return true;
}

// The viewer: shows frames until the game has no more of them. Its exit status.
int view(int width, int height) {
  if (SDL_Init(SDL_INIT_VIDEO) != 0) {
    fprintf(stderr, "no window: %s\n", SDL_GetError());
    return 1;
  }
  SDL_Window* window = SDL_CreateWindow("Belay", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED,
                                        width * kScale, height * kScale, 0);
  SDL_Renderer* renderer = window ? SDL_CreateRenderer(window, -1, SDL_RENDERER_SOFTWARE) : nullptr;
  SDL_Texture* texture = renderer ? SDL_CreateTexture(renderer, SDL_PIXELFORMAT_XRGB8888,
                                                      SDL_TEXTUREACCESS_STREAMING, width, height)
                                  : nullptr;
  if (texture == nullptr) {
    fprintf(stderr, "no window: %s\n", SDL_GetError());
    return 1;
  }
  std::vector<uint32_t> pixels(size_t(width) * size_t(height));
  while (read_all(pixels.data(), pixels.size() * sizeof pixels[0])) {
    if (!handle_events()) return 0;
    SDL_UpdateTexture(texture, nullptr, pixels.data(), width * int(sizeof pixels[0]));
    SDL_RenderCopy(renderer, texture, nullptr, nullptr);
    SDL_RenderPresent(renderer);
    SDL_Delay(kFrameMs);
  }
  SDL_Quit();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const int width = argc == 3 ? atoi(argv[1]) : 0, height = argc == 3 ? atoi(argv[2]) : 0;
  if (width <= 0 || height <= 0) {
    fprintf(stderr, "usage: game_window WIDTH HEIGHT\n");
    return 64;
  }
  signal(SIGINT, SIG_IGN);  // the game's: its pictures end, and so does this
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  return view(width, height);
}
