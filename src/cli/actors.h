// The processes that play for one that learns, and the server between them: docs/actors.md.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/learner.h"

namespace belay::cli {

class ActorsServer;

class Actors {
 public:
  // Starts `count` of them, and, unless `server` is the address of one that runs, a server in this
  // process. All of them end with this process, however it does.
  Actors(const LearnerOptions& options, size_t count, const std::string& server, EndWatch& ends);
  ~Actors();
  Actors(const Actors&) = delete;

  // For the one that learns, as for them.
  const Environment& environment() const { return environment_; }
  // Starts another for each that has ended. A Failure when one fails again and again.
  void replace_ended();

 private:
  struct Actor {
    pid_t pid = -1;
    std::chrono::steady_clock::time_point started;
    unsigned failures = 0;  // soon after the start, one after the other
  };
  void start(size_t number);
  void note_end(size_t number, int status);

  const LearnerOptions& options_;
  EndWatch& ends_;
  std::unique_ptr<ActorsServer> server_;
  Environment environment_;
  std::vector<Actor> actors_;
};

}  // namespace belay::cli
