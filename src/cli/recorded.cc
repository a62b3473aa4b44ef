#include "cli/recorded.h"

#include <unistd.h>

#include <algorithm>

#include "cli/exit_code.h"

namespace belay::cli {
namespace {

constexpr std::string_view kUnquoted =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%^";

std::string quote_one(const std::string& argument) {
  if (!argument.empty() && argument.find_first_not_of(kUnquoted) == std::string::npos) {
    return argument;
  }
  std::string quoted = "'";
  for (char c : argument) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

RecordedProgram::RecordedProgram(const CheckpointInfo& info)
    : checkpoint_(require(load_checkpoint(real_os(), info))) {
  auto description = Description::parse(checkpoint_.description);
  if (!description) {
    close(checkpoint_.fd);
    throw Failure(kExitData, fmt::format("checkpoint {} in {}: {}", info.position.sequence,
                                         info.file, description.error().text()));
  }
  description_ = *description;
}

RecordedProgram::~RecordedProgram() {
  if (checkpoint_.fd >= 0) close(checkpoint_.fd);
}

std::vector<std::string> RecordedProgram::arguments() const {
  std::vector<std::string> arguments;
  std::string_view line = description_.command_line();
  while (!line.empty()) {
    size_t end = std::min(line.find('\0'), line.size());
    arguments.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return arguments;
}

std::string quote(const std::vector<std::string>& arguments) {
  std::string line;
  for (const std::string& argument : arguments) {
    if (!line.empty()) line += ' ';
    line += quote_one(argument);
  }
  return line;
}

bool same_arguments(const std::vector<std::string>& recorded,
                    const std::vector<std::string>& given) {
  if (given.empty() || recorded.size() < given.size()) return false;
  const size_t before = recorded.size() - given.size();  // the interpreter, and its argument
  if (before != 0 && file_name(recorded[before]) != file_name(given[0])) return false;
  return std::equal(given.begin() + 1, given.end(), recorded.begin() + long(before) + 1);
}

}  // namespace belay::cli
