#include "learn/episode_log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cmath>

#include "base/log.h"

namespace belay {
namespace {

// The reader may be gone: EPIPE, and no signal that the program has not asked for.
ssize_t write_without_signal(int file, std::string_view line) {
  sigset_t pipe_signal, before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  ssize_t written;
  do {
    written = ::write(file, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  int code = errno;
  if (written < 0 && code == EPIPE && sigismember(&before, SIGPIPE) == 0) {
    timespec at_once{};
    sigtimedwait(&pipe_signal, nullptr, &at_once);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = code;
  return written;
}

}  // namespace

void EpisodeLog::open(const char* path) {
  if (path != nullptr) path_ = path;
}

void EpisodeLog::write(std::string_view line) {
  int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
  // One call a line: lines of less than PIPE_BUF don't mix with those of others.
  bool written = file >= 0 && write_without_signal(file, line) >= 0;
  int code = errno;
  if (file >= 0) close(file);
  has_reader_ |= written;
  if (written) return;
  if (!has_reader_)  // one that is gone is nothing to complain of
    log(LogLevel::kError, "BELAY_AU_PROGRESS={}: {}", std::string_view(path_), errno_text(code));
  path_.clear();
}

void EpisodeLog::program_begins(const char* mode) {
  if (path_.empty()) return;
  char line[128];
  auto end = fmt::format_to_n(line, sizeof line,
                              "{{\"event\": \"program\", \"mode\": \"{}\", \"pid\": {}}}\n", mode,
                              getpid());
  write({line, end.size});
}

void EpisodeLog::model_begins(std::string_view model, const belay_au_stats& stats, bool usable) {
  if (path_.empty()) return;
  char line[256];
  auto end = fmt::format_to_n(
      line, sizeof line,
      "{{\"event\": \"model\", \"model\": \"{}\", \"decisions\": {}, \"usable\": {}}}\n", model,
      stats.decisions, usable);
  write({line, end.size});
}

void EpisodeLog::episode_ended(std::string_view model, const belay_au_stats& stats, double score) {
  if (path_.empty()) return;
  char line[400];
  auto end = fmt::format_to_n(
      line, sizeof line,
      "{{\"event\": \"episode\", \"model\": \"{}\", \"score\": {}, \"decisions\": {}, "
      "\"loss\": {}, \"epsilon\": {}}}\n",
      model, score, stats.decisions, std::isfinite(stats.last_loss) ? stats.last_loss : 0.0,
      stats.epsilon);
  write({line, end.size});
}

}  // namespace belay
