// How many lines of a program autonomize it: those that end in "// au". A test builds and runs the
// program without them.
#pragma once

#include <fstream>
#include <string>

#include "row.h"

namespace belay::bench {

inline void print_autonomize_lines(const std::string& program, const char* source) {
  std::ifstream in(source);
  double lines = 0;
  for (std::string line; std::getline(in, line);) lines += line.ends_with("// au");
  print_row(program + ": lines that autonomize it", "lines", {lines}, {}, 10);
}

}  // namespace belay::bench
