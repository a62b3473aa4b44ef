#include "server/terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>

#include "server/terminal_view.h"

namespace belay {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

class TtyTerminal final : public Terminal {
 public:
  TtyTerminal(asio::io_context& io, ServerCore& core)
      : core_(core), keys_(io, dup(STDIN_FILENO)), soon_(io) {
    tcgetattr(STDIN_FILENO, &before_);
    termios now = before_;
    now.c_lflag &= ~tcflag_t(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &now);
    read_key();
    draw();
  }
  ~TtyTerminal() override {
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    puts("");
  }

  void draw() override {
    winsize size = {};
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    if (size.ws_row == 0) size = {24, 80, 0, 0};
    std::string text = view_.draw(core_.catalog(), core_.now_unix_ms(), size.ws_row, size.ws_col);
    printf("\033[H\033[J%s", text.c_str());
    fflush(stdout);
  }
  void changed() override {
    if (is_soon_) return;
    is_soon_ = true;
    soon_.expires_after(std::chrono::milliseconds(100));
    soon_.async_wait([this](ErrorCode code) {
      if (code) return;
      is_soon_ = false;
      draw();
    });
  }

 private:
  void read_key() {
    keys_.async_read_some(asio::buffer(&key_, 1), [this](ErrorCode code, size_t) {
      if (code) return;
      if (key_ == kCheckpointKey) (void)core_.ask("");  // of nobody when there is none
      if (key_ == kQuitKey) core_.stop();
      read_key();
    });
  }

  ServerCore& core_;
  TerminalView view_;
  asio::posix::stream_descriptor keys_;
  asio::steady_timer soon_;
  bool is_soon_ = false;
  char key_ = 0;
  termios before_ = {};
};

}  // namespace

std::unique_ptr<Terminal> Terminal::open(asio::io_context& io, ServerCore& core) {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) return nullptr;
  return std::make_unique<TtyTerminal>(io, core);
}

}  // namespace belay
