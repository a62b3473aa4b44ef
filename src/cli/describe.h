// A captured program for people, and as JSON: its threads, mappings and files.
#pragma once

#include <string>

#include "cli/json.h"
#include "cli/recorded.h"

namespace belay::cli {

std::string describe(const RecordedProgram& program);
Json describe_as_json(const RecordedProgram& program);

}  // namespace belay::cli
