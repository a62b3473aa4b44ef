// A program with learned decisions that the command runs in a mode (belay/autonomize.h), and what
// it reports of itself through BELAY_AU_PROGRESS.
#pragma once

#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/end_watch.h"

namespace belay::cli {

struct LearnerOptions {
  std::vector<std::string> command;  // the program and its arguments
  std::string program;               // where it is
  std::string models;                // folder of the model files
  std::string model;                 // the one whose episodes count; empty: the first that reports
  std::vector<std::string> set;      // MODEL.OPTION=VALUE
  bool json = false;

  void add_to(CLI::App* command);
  // Fails (usage) without a program. Makes the folder of models.
  void prepare(const std::vector<std::string>& after_dashes);
};

using Environment = std::vector<std::pair<std::string, std::string>>;

// In a child: the program, with BELAY_AU as `mode` and these variables.
[[noreturn]] void become_program(const LearnerOptions& options, const char* mode,
                                 const Environment& environment, const EndWatch& ends);

struct Event {
  enum Kind { kModel, kEpisode, kQuiet, kEndAsked, kProgramEnded } kind = kQuiet;
  std::string model;
  double score = 0, loss = 0, epsilon = 0;  // kEpisode
  uint64_t decisions = 0;                   // of the model in all its life: kModel, kEpisode
};

class Learner {
 public:
  // Starts the program, which ends with this process.
  Learner(const LearnerOptions& options, const char* mode, Environment environment, EndWatch& ends);
  ~Learner();
  Learner(const Learner&) = delete;
  Learner& operator=(const Learner&) = delete;

  // The next event, or kQuiet when none has come for a while. A model that can't be used is a
  // Failure, and so is a program that has ended otherwise than with 0, or without an episode.
  Event next();
  // Asks the program to end, and waits until it has. It saves what it has learnt.
  void end();

 private:
  std::optional<Event> parse(const std::string& line);
  void read_lines();
  void check_end(int status) const;
  bool wait_until_ended(std::chrono::seconds patience);

  std::string name_, wanted_;
  EndWatch& ends_;
  pid_t child_ = -1;
  int events_ = -1, events_in_ = -1, ended_ = -1;  // the pipe's ends; the child's pidfd
  std::string text_;                               // read, and not a whole line yet
  bool reports_ = false, has_episodes_ = false;
};

}  // namespace belay::cli
