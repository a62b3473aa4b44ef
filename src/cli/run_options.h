// Options of the commands that run a program: `run` and `restore`.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <optional>
#include <string>

#include "cli/supervisor.h"

namespace belay::cli {

struct RunOptions {
  std::string store;
  std::string every;
  std::string verify;
  std::optional<unsigned> retention;
  SupervisorOptions supervisor;

  void add_to(CLI::App* command);
  // As the environment variables that libbelay reads. Fails (usage) for a bad value.
  std::map<std::string, std::string> environment() const;
};

}  // namespace belay::cli
