// What a program in training or in use tells whoever watches it: a line of JSON for each event, to
// the file or pipe that BELAY_AU_PROGRESS names. docs/learning.md lists the events.
#pragma once

#include <string_view>

#include "belay/autonomize.h"

namespace belay {

class EpisodeLog {
 public:
  EpisodeLog() = default;
  EpisodeLog(const EpisodeLog&) = delete;
  ~EpisodeLog();

  // An empty path: nothing is told. One that can't be written to is reported, and nothing told.
  void open(const char* path);

  void program_begins(const char* mode);
  void model_begins(std::string_view model, const belay_au_stats& stats, bool usable);
  void episode_ended(std::string_view model, const belay_au_stats& stats, double score);

 private:
  void write(std::string_view line);

  int file_ = -1;
};

}  // namespace belay
