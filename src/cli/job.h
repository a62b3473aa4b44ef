// A program that the command runs with Belay in it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/signal_relay.h"

namespace belay::cli {

struct Job {
  std::string executable;
  std::vector<std::string> arguments;  // argv, with argv[0]
  std::string working_directory;       // empty: this one
  std::string store;
  std::string name;
  std::map<std::string, std::string> environment;  // BELAY_…, from options
  uint64_t at_sequence = 0;   // the checkpoint to go on from; 0: the newest that is whole
  pid_t wanted_pid = 0;       // that it had, 0 for any
  bool same_streams = false;  // that checkpoint saw the standard streams that the program gets

  std::string directory() const { return store + "/" + name; }
};

// Becomes the program; returns only by a Failure.
[[noreturn]] void execute(const Job& job);

// Starts the program as a child that dies with this process: an orphan would keep the lock of the
// instance, and nobody would watch over it. Fails when it cannot be executed.
pid_t start(const Job& job, const SignalRelay& relay);

}  // namespace belay::cli
