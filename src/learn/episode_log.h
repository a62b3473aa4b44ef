// What a program in training or in use tells whoever watches it: a line of JSON for each event, to
// the file or pipe that BELAY_AU_PROGRESS names. docs/learning.md lists the events.
#pragma once

#include <string_view>

#include "belay/autonomize.h"
#include "learn/model_memory.h"

namespace belay {

class EpisodeLog {
 public:
  // No path, or an empty one: nothing is told. One that can't be written to is reported.
  void open(const char* path);

  void program_begins(const char* mode);
  void model_begins(std::string_view model, const belay_au_stats& stats, bool usable);
  void episode_ended(std::string_view model, const belay_au_stats& stats, double score);

 private:
  void write(std::string_view line);

  // Opened for each line: an image of the program (BELAY_AU_DRIVER=process) can hold no pipe to
  // another process, and would cut a file to the length that it had then.
  ModelString path_;
  bool has_reader_ = false;
};

}  // namespace belay
