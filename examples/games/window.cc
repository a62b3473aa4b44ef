#include "window.h"

#include <belay/autonomize.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

Window::Window(int width, int height) {
  const std::string viewer =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "game_window";
  const std::string sizes[] = {std::to_string(width), std::to_string(height)};
  int ends[2];
  if (access(viewer.c_str(), X_OK) != 0) {
    fprintf(stderr, "no window: %s is not built, which needs libsdl2-dev\n", viewer.c_str());
    exit(1);
  }
  if (pipe2(ends, O_CLOEXEC) != 0 || (viewer_ = fork()) < 0) {
    perror("no window");
    exit(1);
  }
  if (viewer_ == 0) {
    dup2(ends[0], STDIN_FILENO);
    execl(viewer.c_str(), viewer.c_str(), sizes[0].c_str(), sizes[1].c_str(), nullptr);
    _exit(1);
  }
  close(ends[0]);
  frames_ = ends[1];
  signal(SIGPIPE, SIG_IGN);
  signal(SIGUSR1, [](int) { au_request_checkpoint(); });
}

Window::~Window() {
  close(frames_);
  waitpid(viewer_, nullptr, 0);
}

void Window::show(const std::vector<uint32_t>& pixels) {
  auto from = reinterpret_cast<const char*>(pixels.data());
  for (size_t left = pixels.size() * sizeof pixels[0]; left > 0;) {
    ssize_t count = write(frames_, from, left);
    if (count > 0) {
      from += count, left -= size_t(count);
    } else if (errno != EINTR) {
      raise(SIGTERM);  // no viewer any more; in training it saves first
      return;
    }
  }
}
